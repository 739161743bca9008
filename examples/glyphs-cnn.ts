/**
 * The demo's job: a small convolutional network on generated pictures of ten shapes. It needs no data files.
 *
 *   npx lockstep train examples/glyphs-cnn.ts --workers 2
 */
import { datasets, defineJob, optimizers, tf } from 'lockstep';

const side = 64;

/** Pictures with numbers from `first` on; ranges that don't overlap have no picture in common. Pixels become -1 to 1. */
function glyphs(first: number, samples: number) {
  return datasets
    .glyphs({ samples, first, seed: 1, height: side })
    .scale(1 / 127.5, -1)
    .oneHot(10);
}

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [side, side, 3], filters: 32, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 64, activation: 'relu' }),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.adam({ learningRate: 0.001 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: glyphs(0, 8000), validation: glyphs(1_000_000, 500), test: glyphs(2_000_000, 1000) },
  batchSize: 32,
  epochs: 3,
  seed: 1,
});
