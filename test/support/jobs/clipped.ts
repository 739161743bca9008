import { datasets, defineJob, optimizers, schedules, tf } from 'lockstep';

/** Everything about an update that isn't the bare optimizer: a schedule, weight decay, clipping by the global norm. */
export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [12, 12, 3], activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.nadam({
    learningRate: schedules.cosineDecay({
      initialLearningRate: 0,
      warmupTarget: 0.01,
      warmupSteps: 4,
      decaySteps: 10,
    }),
    weightDecay: 0.05,
    globalClipNorm: 0.5,
  }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: {
    train: datasets
      .glyphs({ samples: 100, seed: 1, height: 12 })
      .scale(1 / 255)
      .oneHot(10),
  },
  batchSize: 24,
  epochs: 2,
  seed: 11,
});
