/**
 * Text: an LSTM on the eight largest topics of Reuters-21578 (Lewis, 1997), as lines of `label<TAB>text`.
 *
 *   npx lockstep train examples/reuters-lstm.ts --data reuters-r8 --workers 2
 *
 * `datasets.reuters` has Keras's version of the newswires, which needs no files and no tokenizer.
 */
import { datasets, defineJob, optimizers, tf } from 'lockstep';

const numWords = 10_000;
const maxLen = 100;
const classes = ['acq', 'crude', 'earn', 'grain', 'interest', 'money-fx', 'ship', 'trade'];

function news(split: 'train' | 'test') {
  return datasets.tsv({ file: `${split}.tsv`, header: false, target: 0, text: 1, classes });
}

/** Words are numbered by the training texts in both splits, and in what the saved model predicts later. */
function words(split: 'train' | 'test') {
  return news(split)
    .tokenize({ adaptTo: news('train'), numWords })
    .padSequences({ maxLen });
}

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: numWords, outputDim: 64, inputLength: maxLen }),
        // Keras's LSTM; tfjs itself would take hardSigmoid.
        tf.layers.lstm({ units: 64, recurrentActivation: 'sigmoid' }),
        tf.layers.dense({ units: classes.length, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.adam({ learningRate: 0.001 }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: words('train'), test: words('test') },
  batchSize: 32,
  epochs: 10,
  seed: 7,
});
