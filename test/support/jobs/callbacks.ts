import { callbacks, datasets, defineJob, optimizers, tf } from 'lockstep';

const images = datasets
  .glyphs({ samples: 140, seed: 1, height: 12 })
  .scale(1 / 255)
  .oneHot(10);

/** Every built-in callback at once, and one of the job's own that writes down who calls it. */
export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [12, 12, 3] }),
        tf.layers.dense({ units: 10, activation: 'softmax', kernelInitializer: 'glorotUniform' }),
      ],
    }),
  optimizer: optimizers.sgd({ learningRate: 0.05 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: images.slice(0, 96), validation: images.slice(96) },
  batchSize: 24,
  epochs: 8,
  seed: 11,
  callbacks: [
    callbacks.learningRateScheduler((epoch, rate) => (epoch === 2 ? rate * 100 : rate)),
    callbacks.earlyStopping({ monitor: 'val_loss', patience: 2, restoreBestWeights: true }),
    callbacks.modelCheckpoint({ path: 'checkpoints/{epoch:02}-{val_loss:.3}', saveBestOnly: true }),
    callbacks.csvLogger(),
    {
      onTrainBegin: ({ logNames }) => console.log(`called by ${process.pid} begin ${logNames.join(' ')}`),
      onBatchEnd: (batch, { loss }) => console.log(`called by ${process.pid} batch ${batch} ${loss}`),
      onTrainEnd: () => console.log(`called by ${process.pid} end`),
    },
  ],
});
