/**
 * An autoencoder of convolutions: strided ones make pictures smaller, transposed ones make them large again. It makes its
 * own data.
 *
 *   npx lockstep train examples/autoencoder-convolutional.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

const side = 8;

/** Pictures of stripes, by number: their width and where they begin. */
function stripes(first: number, samples: number) {
  const values = Float32Array.from({ length: samples * side * side }, (_, index) => {
    const picture = first + Math.floor(index / (side * side));
    const along = picture % 2 === 0 ? Math.floor(index / side) % side : index % side;
    return Math.floor((along + Math.floor(picture / 2)) / (1 + (picture % 3))) % 2;
  });
  const image = { values, shape: [side, side, 1] };
  return datasets.arrays({ inputs: image, targets: image });
}

export default defineJob({
  model: () =>
    models.sequential([
      layers.conv2d({
        filters: 8,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        activation: 'relu',
        inputShape: [side, side, 1],
      }),
      layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu', name: 'code' }),
      layers.conv2dTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
      layers.conv2dTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
      layers.conv2d({ filters: 1, kernelSize: 3, padding: 'same', activation: 'sigmoid' }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: 'binaryCrossentropy',
  metrics: ['binaryAccuracy'],
  data: { train: stripes(0, 240), test: stripes(240, 60) },
  batchSize: 24,
  epochs: 10,
  seed: 1,
});
