/**
 * A functional model with two inputs that share a layer, merges, and two outputs with a loss each: are two points near
 * each other, and how far apart are they? It makes its own data.
 *
 *   npx lockstep train examples/two-inputs.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

/** Pairs of points in the unit square, by number. */
function pairs(first: number, samples: number) {
  const point = (sample: number, which: number) =>
    [0.754877, 0.569841].map((step, axis) => ((first + sample + 0.5) * step * (1 + 1.3 * which) + 0.2 * axis) % 1);
  const points = [0, 1].map((which) =>
    Float32Array.from(Array.from({ length: samples }, (_, sample) => point(sample, which)).flat()),
  );
  const apart = Float32Array.from({ length: samples }, (_, sample) => {
    const [[ax = 0, ay = 0], [bx = 0, by = 0]] = [point(sample, 0), point(sample, 1)] as [number[], number[]];
    return Math.hypot(ax - bx, ay - by);
  });
  return datasets.arrays({
    inputs: points.map((values) => ({ values, shape: [2] })),
    targets: [
      { values: apart.map((distance) => (distance < 0.5 ? 1 : 0)), shape: [1] },
      { values: apart, shape: [1] },
    ],
  });
}

export default defineJob({
  model: () => {
    const points = [models.input({ shape: [2] }), models.input({ shape: [2] })];
    const shared = layers.dense({ units: 16, activation: 'tanh' });
    const placed = points.map((point) => shared.apply(point));
    const merged = layers.concatenate().apply([layers.subtract().apply(placed), layers.multiply().apply(placed)]);
    const hidden = layers.dense({ units: 16, activation: 'relu' }).apply(merged);
    const near = layers.dense({ units: 1, activation: 'sigmoid', name: 'near' }).apply(hidden);
    const distance = layers.dense({ units: 1, name: 'distance' }).apply(hidden);
    return models.model({ inputs: points, outputs: [near, distance] });
  },
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: { near: 'binaryCrossentropy', distance: 'meanSquaredError' },
  lossWeights: { near: 1, distance: 2 },
  metrics: { near: ['accuracy'], distance: ['meanAbsoluteError'] },
  data: { train: pairs(0, 480), test: pairs(480, 80) },
  batchSize: 24,
  epochs: 15,
  seed: 1,
});
