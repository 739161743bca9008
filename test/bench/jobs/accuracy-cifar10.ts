import { datasets, defineJob, layers, models } from 'lockstep';
import { trainSamples } from './accuracy-settings.ts';

const pictures = (split: 'train' | 'test') =>
  datasets
    .cifar10({ split })
    .resize(64, 64)
    .scale(1 / 255);

/** The chapter's network on CIFAR-10; the same in peers/keras_accuracy.py. */
export default defineJob({
  model: () =>
    models.sequential([
      layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [64, 64, 3] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 64, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]),
  optimizer: 'adam',
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: pictures('train').slice(0, trainSamples), test: pictures('test') },
  batchSize: 32,
});
