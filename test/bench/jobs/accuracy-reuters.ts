import { datasets, defineJob, layers, models } from 'lockstep';
import { trainSamples } from './accuracy-settings.ts';

const classes = ['acq', 'crude', 'earn', 'grain', 'interest', 'money-fx', 'ship', 'trade'];
const news = (split: 'train' | 'test') =>
  datasets.tsv({ file: `${split}.tsv`, header: false, target: 0, text: 1, classes });
const words = (split: 'train' | 'test') =>
  news(split)
    .tokenize({ adaptTo: news('train'), numWords: 10_000 })
    .padSequences({ maxLen: 100 });

/** The chapter's LSTM on eight topics of Reuters-21578; the same in peers/keras_accuracy.py. */
export default defineJob({
  model: () =>
    models.sequential([
      layers.embedding({ inputDim: 10_000, outputDim: 64, inputShape: [100] }),
      layers.lstm({ units: 64 }),
      layers.dense({ units: classes.length, activation: 'softmax' }),
    ]),
  optimizer: 'adam',
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  // The file comes topic by topic in part: a subset of it is of all topics only once it is shuffled.
  data: { train: words('train').shuffle(1).slice(0, trainSamples), test: words('test') },
  batchSize: 32,
});
