import { datasets, defineJob, layers, type MetricName, metrics, models } from 'lockstep';

const SAMPLES = 45;
const CLASSES = 3;

const noise = (index: number, salt: number): number => Math.sin((index + 1) * 12.9898 + salt * 78.233);

function samples(count: number, salt: number) {
  const label = (sample: number) => (sample * 7 + Math.floor(sample / 5)) % CLASSES;
  const fill = (width: number, at: (sample: number, column: number) => number) =>
    Float32Array.from({ length: count * width }, (_, index) => at(Math.floor(index / width), index % width));
  return datasets.arrays({
    inputs: { values: fill(4, (sample, column) => noise(4 * sample + column, salt)), shape: [4] },
    targets: [
      { values: fill(CLASSES, (sample, column) => (label(sample) === column ? 1 : 0)), shape: [CLASSES] },
      { values: Int32Array.from({ length: count }, (_, sample) => label(sample)), shape: [] },
      { values: fill(1, (sample) => (noise(sample, 3) > 0 ? 1 : 0)), shape: [1] },
      { values: fill(2, (sample, column) => 1.5 + noise(2 * sample + column, 4)), shape: [2] },
    ],
  });
}

/** On which output each metric is measured, and as what; a metric that is not here is a type error. */
const measured: Readonly<Record<MetricName, readonly ['oneHot' | 'labels' | 'binary' | 'real', object?]>> = {
  accuracy: ['oneHot'],
  categoricalAccuracy: ['oneHot'],
  sparseCategoricalAccuracy: ['labels'],
  binaryAccuracy: ['binary'],
  topKCategoricalAccuracy: ['oneHot', { k: 2 }],
  sparseTopKCategoricalAccuracy: ['labels', { k: 2 }],
  precision: ['binary', { thresholds: [0.4, 0.5] }],
  recall: ['binary'],
  f1Score: ['oneHot'],
  fBetaScore: ['oneHot', { beta: 2, average: 'macro' }],
  auc: ['binary'],
  confusionMatrix: ['labels'],
  truePositives: ['binary'],
  falsePositives: ['binary'],
  trueNegatives: ['binary'],
  falseNegatives: ['binary'],
  sensitivityAtSpecificity: ['binary', { specificity: 0.5 }],
  specificityAtSensitivity: ['binary', { sensitivity: 0.5 }],
  precisionAtRecall: ['binary', { recall: 0.5 }],
  recallAtPrecision: ['binary', { precision: 0.5 }],
  meanSquaredError: ['real'],
  rootMeanSquaredError: ['real'],
  meanAbsoluteError: ['real'],
  meanAbsolutePercentageError: ['real'],
  meanSquaredLogarithmicError: ['real'],
  logCoshError: ['real'],
  cosineSimilarity: ['real'],
  r2Score: ['real'],
  categoricalCrossentropy: ['oneHot'],
  sparseCategoricalCrossentropy: ['labels'],
  binaryCrossentropy: ['binary'],
  klDivergence: ['oneHot'],
  poisson: ['real'],
  hinge: ['binary'],
  squaredHinge: ['binary'],
  categoricalHinge: ['oneHot'],
  meanIoU: ['binary', { numClasses: 2 }],
  oneHotMeanIoU: ['oneHot', { numClasses: CLASSES }],
  binaryIoU: ['binary'],
};

/** Each by its own name, on its output. */
const metricsOf = (output: string) =>
  (Object.entries(measured) as [MetricName, readonly [string, object?]][])
    .filter(([, [where]]) => where === output)
    .map(([name, [, options]]) => (metrics[name] as (options?: object) => never)(options));

/** Every metric at once, with a short last batch. */
export default defineJob({
  model: () => {
    const input = models.input({ shape: [4] });
    const hidden = layers.dense({ units: 8, activation: 'tanh' }).apply(input);
    const output = (name: string, units: number, activation: 'softmax' | 'sigmoid' | 'softplus') =>
      layers.dense({ units, activation, name }).apply(hidden);
    return models.model({
      inputs: input,
      outputs: [
        output('oneHot', CLASSES, 'softmax'),
        output('labels', CLASSES, 'softmax'),
        output('binary', 1, 'sigmoid'),
        output('real', 2, 'softplus'),
      ],
    });
  },
  optimizer: 'adam',
  loss: {
    oneHot: 'categoricalCrossentropy',
    labels: 'sparseCategoricalCrossentropy',
    binary: 'binaryCrossentropy',
    real: 'meanSquaredError',
  },
  metrics: Object.fromEntries(['oneHot', 'labels', 'binary', 'real'].map((output) => [output, metricsOf(output)])),
  data: { train: samples(SAMPLES, 1), test: samples(SAMPLES, 2) },
  batchSize: 24,
  epochs: 2,
  seed: 3,
});
