import { datasets, defineJob, tf } from 'lockstep';

const SAMPLES = 50;
const LENGTH = 12;
const words = Int32Array.from({ length: SAMPLES * LENGTH }, (_, k) => (k * 7919) % 40);
const labels = Float32Array.from({ length: SAMPLES }, (_, k) => (words[k * LENGTH] ?? 0) % 3);

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 40, outputDim: 8, inputLength: LENGTH }),
        tf.layers.lstm({ units: 8, recurrentActivation: 'sigmoid' }),
        tf.layers.dense({ units: 3, activation: 'softmax' }),
      ],
    }),
  optimizer: 'rmsprop',
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: {
    train: datasets.arrays({
      inputs: { values: words, shape: [LENGTH] },
      targets: { values: labels, shape: [1] },
    }),
  },
  batchSize: 12,
  epochs: 2,
  seed: 3,
});
