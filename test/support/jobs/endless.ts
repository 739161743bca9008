import { datasets, defineJob, tf } from 'lockstep';

/** Trains for longer than any test waits. */
export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [12, 12, 3] }),
        tf.layers.dense({ units: 64, activation: 'relu' }),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  optimizer: 'sgd',
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: {
    train: datasets
      .glyphs({ samples: 200, seed: 1, height: 12 })
      .scale(1 / 255)
      .oneHot(10),
  },
  batchSize: 24,
  epochs: 1_000_000,
});
