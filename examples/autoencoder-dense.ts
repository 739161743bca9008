/**
 * An autoencoder of dense layers: 64 pixels of crossing bars go through 8 numbers. It makes its own data.
 *
 *   npx lockstep train examples/autoencoder-dense.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

const side = 8;

/** Pictures of one row and one column, by number. */
function bars(first: number, samples: number) {
  const values = Float32Array.from({ length: samples * side * side }, (_, index) => {
    const picture = first + Math.floor(index / (side * side));
    const [row, column] = [Math.floor(index / side) % side, index % side];
    return row === (picture * 5) % side || column === Math.floor(picture / side) % side ? 1 : 0;
  });
  const pixels = { values, shape: [side * side] };
  return datasets.arrays({ inputs: pixels, targets: pixels });
}

export default defineJob({
  model: () =>
    models.sequential([
      layers.dense({ units: 32, activation: 'relu', inputShape: [side * side] }),
      layers.dense({ units: 8, activation: 'relu', name: 'code' }),
      layers.dense({ units: 32, activation: 'relu' }),
      layers.dense({ units: side * side, activation: 'sigmoid' }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: 'binaryCrossentropy',
  metrics: ['binaryAccuracy'],
  data: { train: bars(0, 256), test: bars(0, 64) },
  batchSize: 32,
  epochs: 12,
  seed: 1,
});
