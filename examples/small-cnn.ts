/**
 * A convolutional network that trains in seconds: generated pictures of ten shapes, 16 × 16 pixels.
 *
 *   npx lockstep train examples/small-cnn.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

const side = 16;

/** Pictures with numbers from `first` on; pixels become -1 to 1. */
function glyphs(first: number, samples: number) {
  return datasets
    .glyphs({ samples, first, seed: 1, height: side })
    .scale(1 / 127.5, -1)
    .oneHot(10);
}

export default defineJob({
  model: () =>
    models.sequential([
      layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu', inputShape: [side, side, 3] }),
      layers.maxPooling2d(),
      layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d(),
      layers.flatten(),
      layers.dense({ units: 32, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.003 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: glyphs(0, 960), test: glyphs(1_000_000, 200) },
  batchSize: 24,
  epochs: 12,
  seed: 1,
});
