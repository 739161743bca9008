/**
 * A denoising autoencoder of convolutions: noise is added in training alone, and the clean picture is the target. It makes
 * its own data.
 *
 *   npx lockstep train examples/autoencoder-denoising.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

const side = 8;

/** Pictures of one filled rectangle, by number. */
function rectangles(first: number, samples: number) {
  const values = Float32Array.from({ length: samples * side * side }, (_, index) => {
    const picture = first + Math.floor(index / (side * side));
    const [row, column] = [Math.floor(index / side) % side, index % side];
    const [top, left] = [picture % 4, Math.floor(picture / 4) % 4];
    return row >= top && row < top + 4 && column >= left && column < left + 4 ? 1 : 0;
  });
  const image = { values, shape: [side, side, 1] };
  return datasets.arrays({ inputs: image, targets: image });
}

export default defineJob({
  model: () =>
    models.sequential([
      layers.gaussianNoise({ stddev: 0.3, inputShape: [side, side, 1] }),
      layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d(),
      layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.upSampling2d(),
      layers.conv2dTranspose({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.conv2d({ filters: 1, kernelSize: 3, padding: 'same', activation: 'sigmoid' }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: 'meanSquaredError',
  metrics: ['meanAbsoluteError'],
  data: { train: rectangles(0, 160), test: rectangles(0, 32) },
  batchSize: 16,
  epochs: 10,
  seed: 1,
});
