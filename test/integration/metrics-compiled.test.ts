import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, RandomStream } from '../../shared/core/index.ts';
import { type Batch, type MetricName, metricNames, metrics, resolveMetricConfig } from '../../shared/job/index.ts';
import { metricValues } from '../../shared/metrics/index.ts';
import { type Engine, type Trainer, type TrainerOptions, tf } from '../../worker/engine/index.ts';
import {
  cut,
  FULL_ROWS,
  full,
  openEngine,
  relativeDistance,
  smallJob,
  sumContributions,
} from '../support/engine-fixtures.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

/** Rounding of float32 sums that were taken in another order. */
const TOLERANCE = 1e-5;

/** Options without a default. */
const needed: Partial<Record<MetricName, object>> = {
  sensitivityAtSpecificity: { specificity: 0.5 },
  specificityAtSensitivity: { sensitivity: 0.5 },
  precisionAtRecall: { recall: 0.5 },
  recallAtPrecision: { precision: 0.5 },
  meanIoU: { numClasses: 3 },
  oneHotMeanIoU: { numClasses: 3 },
};
const all = metricNames.map((kind) => resolveMetricConfig({ kind, ...needed[kind] }));

test('every metric gives the same sums compiled and op by op, in training and evaluation', { skip }, async () => {
  for (const isSparse of [false, true]) {
    // Class numbers as outputs are another model's.
    const chosen = all.filter(({ kind }) => kind.startsWith('sparse') === isSparse && kind !== 'meanIoU');
    const options = {
      metrics: isSparse ? [...chosen, metrics.confusionMatrix()] : chosen,
      ...(isSparse ? { loss: 'sparseCategoricalCrossentropy', targets: [{ shape: [], dtype: 'int32' }] } : {}),
    } as Partial<TrainerOptions>;
    const [eager, compiled] = [await sumsOf(options, false), await sumsOf(options, true)];
    for (const [part, sums] of eager.entries()) {
      assert.ok(sums.length > chosen.length);
      assert.ok(relativeDistance(at(compiled, part), sums) < TOLERANCE, `${part}`);
    }
  }
});

test('sums over parts of the data are those of the whole, so counts are exact for any number of replicas', {
  skip,
}, async () => {
  const chosen = [metrics.precision(), metrics.auc(), metrics.confusionMatrix(), metrics.f1Score(), metrics.accuracy()];
  await withTrainer({ metrics: chosen }, true, (trainer) => {
    const batch = batchOf(false);
    const whole = trainer.forwardBackward(batch, { step: 0, replica: 0, replicas: 1, globalSamples: FULL_ROWS });
    const parts = [cut(batch, 0, 4), cut(batch, 4, 8), cut(batch, 8, 12)].map((part, replica) =>
      trainer.forwardBackward(part, { step: 0, replica, replicas: 3, globalSamples: FULL_ROWS }),
    );
    const width = 1 + trainer.metricWidth;
    const sum = sumContributions(parts).statistics.slice(1, width);
    assert.deepEqual(sum, whole.statistics.slice(1, width));
    const evaluated = trainer.evaluate(full(batch));
    assert.deepEqual(evaluated.metricSums, [...sum]);
    const { confusionMatrix, accuracy } = metricValues(trainer.metrics, [...sum], FULL_ROWS);
    const matrix = confusionMatrix as number[][];
    const hits = [0, 1, 2].reduce((count, label) => count + (matrix[label]?.[label] ?? 0), 0);
    assert.equal(hits / FULL_ROWS, accuracy);
  });
});

test('weights count in the loss and in weighted metrics, not in plain ones', { skip }, async () => {
  for (const compile of [false, true]) {
    const both = { metrics: [metrics.accuracy(), metrics.auc()], weightedMetrics: [metrics.accuracy(), metrics.auc()] };
    await withTrainer(both, compile, (trainer) => {
      assert.deepEqual(
        trainer.metrics.map(({ name }) => name),
        ['accuracy', 'auc', 'weighted_accuracy', 'weighted_auc'],
      );
      const ones = batchOf(false);
      // Twice the weight is as twice the sample.
      const weights = Float32Array.from(ones.weights, (_, row) => (row < 4 ? 2 : row < 8 ? 1 : 0));
      const weighted = trainer.evaluate({ ...ones, weights });
      const first = trainer.evaluate(full(cut(ones, 0, 4)));
      const second = trainer.evaluate(full(cut(ones, 4, 8)));
      assert.ok(Math.abs(weighted.lossSum - (2 * first.lossSum + second.lossSum)) < TOLERANCE * weighted.lossSum);
      const values = metricValues(trainer.metrics, weighted.metricSums, FULL_ROWS);
      const twice = first.metricSums.map((sum, index) => 2 * sum + at(second.metricSums, index));
      const expected = metricValues(trainer.metrics, twice, 12);
      assert.ok(Math.abs(Number(values['weighted_accuracy']) - Number(expected['accuracy'])) < TOLERANCE);
      assert.ok(Math.abs(Number(values['weighted_auc']) - Number(expected['auc'])) < TOLERANCE);
      assert.equal(
        values['accuracy'],
        metricValues(trainer.metrics, trainer.evaluate(ones).metricSums, 12)['accuracy'],
      );
    });
  }
});

test('a metric that does not fit its output or target is refused before training', { skip }, async () => {
  const labels = { targets: [{ shape: [], dtype: 'int32' }], loss: 'sparseCategoricalCrossentropy' } as const;
  const refusals: [Partial<TrainerOptions>, RegExp][] = [
    [{ ...labels, metrics: [metrics.precision()] }, /precision on layer dense_1.*one-hot encode them in 3 classes/],
    [{ ...labels, metrics: [metrics.topKCategoricalAccuracy()] }, /use sparseTopKCategoricalAccuracy, or one-hot/],
    [{ metrics: [metrics.sparseCategoricalAccuracy()] }, /one-hot targets need categoricalAccuracy/],
    [
      { metrics: [metrics.precision({ classId: 3 })] },
      /metric precision needs an output of more values for its classId/,
    ],
    [{ metrics: [metrics.recall({ topK: 4 })] }, /for its topK of 4/],
    [{ metrics: [metrics.auc({ labelWeights: [1, 2] })] }, /as many values as labelWeights, 2/],
    [{ metrics: { dense_2: [metrics.auc()] } }, /metrics names an output "dense_2"; did you mean "dense_1"/],
    [
      { loss: ['categoricalCrossentropy', 'meanSquaredError'] as never },
      /loss has 2 entries, but the model has 1 outputs/,
    ],
  ];
  for (const [options, message] of refusals) {
    await assert.rejects(engine.createTrainer(smallJob(options)), message);
  }
});

async function sumsOf(options: Partial<TrainerOptions>, compile: boolean): Promise<number[][]> {
  let sums: number[][] = [];
  const isSparse = options.loss === 'sparseCategoricalCrossentropy';
  await withTrainer(options, compile, (trainer) => {
    const batch = batchOf(isSparse);
    const part = { step: 0, replica: 0, replicas: 1, globalSamples: FULL_ROWS };
    const { statistics } = trainer.forwardBackward(batch, part);
    sums = [[...statistics], trainer.evaluate(full(cut(batch, 0, 7))).metricSums as number[]];
  });
  return sums;
}

async function withTrainer(
  options: Partial<TrainerOptions>,
  compile: boolean,
  run: (trainer: Trainer) => void,
): Promise<void> {
  const trainer = await engine.createTrainer(smallJob({ ...options, buildModel: build, compile }));
  try {
    run(trainer);
  } finally {
    trainer.close();
  }
}

function build(): tf.LayersModel {
  const kernelInitializer = tf.initializers.randomNormal({ stddev: 2, seed: 1 });
  const hidden = tf.layers.dense({ inputShape: [6], units: 8, activation: 'tanh' });
  return tf.sequential({ layers: [hidden, tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer })] });
}

function batchOf(isSparse: boolean): Batch {
  const random = new RandomStream(4);
  const labels = Array.from({ length: FULL_ROWS }, () => random.below(3));
  const oneHot = labels.flatMap((label) => [0, 1, 2].map((index) => Number(index === label)));
  return {
    ...{ rows: FULL_ROWS, realRows: FULL_ROWS, weights: new Float32Array(FULL_ROWS).fill(1) },
    inputs: [Float32Array.from({ length: 6 * FULL_ROWS }, () => random.normal())],
    targets: [isSparse ? Int32Array.from(labels) : Float32Array.from(oneHot)],
  };
}
