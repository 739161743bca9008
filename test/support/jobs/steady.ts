import { datasets, defineJob, tf } from 'lockstep';

/** Steps of tens of milliseconds without end or evaluation, so that its throughput is the same at any moment. */
export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu', inputShape: [32, 32, 3] }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  optimizer: 'sgd',
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: {
    train: datasets
      .glyphs({ samples: 2000, seed: 1, height: 32 })
      .scale(1 / 255)
      .oneHot(10),
  },
  batchSize: 64,
  epochs: 1_000_000,
});
