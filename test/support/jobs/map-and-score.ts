import { datasets, defineJob, tf } from 'lockstep';

/** A model with two outputs of different shapes, and a number of samples that no batch divides. */
export default defineJob({
  model: () => {
    const input = tf.input({ shape: [4] });
    const hidden = tf.layers.dense({ units: 6, activation: 'tanh' }).apply(input) as tf.SymbolicTensor;
    const map = tf.layers.reshape({ targetShape: [3, 2], name: 'map' }).apply(hidden) as tf.SymbolicTensor;
    const score = tf.layers.dense({ units: 1, name: 'score' }).apply(hidden) as tf.SymbolicTensor;
    return tf.model({ inputs: input, outputs: [map, score] });
  },
  optimizer: 'sgd',
  loss: 'meanSquaredError',
  data: {
    train: datasets.arrays({
      inputs: { values: Float32Array.from({ length: 4 * 45 }, (_, k) => Math.sin(k)), shape: [4] },
      targets: [
        { values: Float32Array.from({ length: 6 * 45 }, (_, k) => Math.cos(k)), shape: [3, 2] },
        { values: Float32Array.from({ length: 45 }, (_, k) => Math.cos(2 * k)), shape: [1] },
      ],
    }),
  },
  batchSize: 8,
  epochs: 1,
  seed: 3,
});
