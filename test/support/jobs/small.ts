import { datasets, defineJob, optimizers, tf } from 'lockstep';

/** Small but with everything whose bits could depend on the placement: batch norm, dropout, a short last batch. */
export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ filters: 6, kernelSize: 3, inputShape: [12, 12, 3] }),
        tf.layers.batchNormalization(),
        tf.layers.activation({ activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dropout({ rate: 0.25 }),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: {
    train: datasets
      .glyphs({ samples: 100, seed: 1, height: 12 })
      .scale(1 / 255)
      .oneHot(10),
    validation: datasets
      .glyphs({ samples: 31, seed: 1, height: 12, first: 100 })
      .scale(1 / 255)
      .oneHot(10),
    test: datasets
      .glyphs({ samples: 20, seed: 1, height: 12, first: 200 })
      .scale(1 / 255)
      .oneHot(10),
  },
  batchSize: 36,
  epochs: 3,
  seed: 7,
});
