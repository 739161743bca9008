/**
 * A denoising autoencoder of convolutions: it is given noisy pictures, and the clean ones are the targets. It makes its
 * own data.
 *
 *   npx lockstep train examples/autoencoder-denoising.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

const side = 8;

/** Pictures of one filled rectangle, by number. */
function rectangles(first: number, samples: number) {
  const clean = Float32Array.from({ length: samples * side * side }, (_, index) => {
    const picture = first + Math.floor(index / (side * side));
    const [row, column] = [Math.floor(index / side) % side, index % side];
    const [top, left] = [picture % 4, Math.floor(picture / 4) % 4];
    return row >= top && row < top + 4 && column >= left && column < left + 4 ? 1 : 0;
  });
  const noisy = clean.map((value, index) => value + 0.4 * Math.sin(7919 * (first * side * side + index) ** 1.1));
  const shape = [side, side, 1];
  return datasets.arrays({ inputs: { values: noisy, shape }, targets: { values: clean, shape } });
}

export default defineJob({
  model: () =>
    models.sequential([
      layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [side, side, 1] }),
      layers.maxPooling2d(),
      layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.upSampling2d(),
      layers.conv2d({ filters: 1, kernelSize: 3, padding: 'same', activation: 'sigmoid' }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: 'meanSquaredError',
  metrics: ['meanAbsoluteError'],
  data: { train: rectangles(0, 240), test: rectangles(240, 60) },
  batchSize: 24,
  epochs: 10,
  seed: 1,
});
