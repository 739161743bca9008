import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, RandomStream } from '../../shared/core/index.ts';
import { type Batch, type LossConfig, type LossName, losses } from '../../shared/job/index.ts';
import { type Contribution, type Engine, tf } from '../../worker/engine/index.ts';
import { openEngine, relativeDistance, smallJob } from '../support/engine-fixtures.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;
const ROWS = 5;
const CLASSES = 3;

/** Rounding of float32 sums that were taken in another order. */
const TOLERANCE = 1e-5;

type Activation = 'softmax' | 'sigmoid' | 'linear' | 'softplus';

const activations: Partial<Record<LossName, readonly Activation[]>> = {
  categoricalCrossentropy: ['softmax', 'sigmoid', 'softplus'],
  sparseCategoricalCrossentropy: ['softmax', 'softplus'],
  crossentropy: ['softmax'],
  categoricalFocalCrossentropy: ['softmax'],
  binaryCrossentropy: ['sigmoid', 'softmax'],
  binaryFocalCrossentropy: ['sigmoid'],
  klDivergence: ['softmax'],
  poisson: ['softplus'],
};

const withLogits: readonly LossConfig[] = [
  losses.categoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.1 }),
  losses.sparseCategoricalCrossentropy({ fromLogits: true }),
  losses.binaryCrossentropy({ fromLogits: true }),
];

const cases: (readonly [LossConfig, Activation])[] = [
  ...Object.values(losses).flatMap((make) =>
    (activations[make().kind] ?? ['linear']).map((activation) => [make(), activation] as const),
  ),
  ...withLogits.map((loss) => [loss, 'linear'] as const),
];

for (const [loss, activation] of cases) {
  const { kind, ...options } = loss;
  test(`compiled gradients equal eager ones: ${kind} ${JSON.stringify(options)} on ${activation} outputs`, {
    skip,
  }, async () => {
    const eager = await contribution(loss, activation, false);
    const compiled = await contribution(loss, activation, true);
    assert.ok(eager.gradients.some((values) => values.some((value) => value !== 0)));
    for (const [bucket, values] of eager.gradients.entries()) {
      assert.ok(relativeDistance(at(compiled.gradients, bucket), values) < TOLERANCE, `bucket ${bucket}`);
    }
    assert.ok(relativeDistance(compiled.statistics, eager.statistics) < TOLERANCE);
  });
}

test('a softmax output that rounds to 0 still has a loss and a gradient, as with Keras', { skip }, async () => {
  const far = { buildModel: () => model('softmax', 200), metrics: [] };
  for (const compile of [false, true]) {
    const { gradients, statistics } = await contribution(losses.categoricalCrossentropy(), 'softmax', compile, far);
    // Clipping at 1e-7 would end at 16 for each sample.
    assert.ok(at(statistics, 0) > 16 * ROWS, `${statistics[0]}`);
    assert.ok(at(gradients, 0).some((value) => Math.abs(value) > 0.1));
  }
});

async function contribution(
  loss: LossConfig,
  activation: Activation,
  compile: boolean,
  overrides: Partial<ReturnType<typeof smallJob>> = {},
): Promise<Contribution> {
  const isSparse = loss.kind.startsWith('sparse');
  const targets = [{ shape: isSparse ? [] : [CLASSES], dtype: isSparse ? ('int32' as const) : ('float32' as const) }];
  const options = smallJob({
    ...{ buildModel: () => model(activation, 1), loss, metrics: [], targets, rows: [ROWS], compile },
    ...overrides,
  });
  const trainer = await engine.createTrainer(options);
  try {
    const part = { step: 5, replica: 1, replicas: 2, globalSamples: 2 * ROWS };
    return trainer.forwardBackward(batchOf(isSparse), part);
  } finally {
    trainer.close();
  }
}

function model(activation: Activation, scale: number): tf.LayersModel {
  const kernelInitializer = tf.initializers.randomNormal({ stddev: scale, seed: 1 });
  const hidden = tf.layers.dense({ inputShape: [6], units: 4, activation: 'tanh' });
  return tf.sequential({ layers: [hidden, tf.layers.dense({ units: CLASSES, activation, kernelInitializer })] });
}

function batchOf(isSparse: boolean): Batch {
  const random = new RandomStream(4);
  const labels = Array.from({ length: ROWS }, () => random.below(CLASSES));
  const oneHot = labels.flatMap((label) => Array.from({ length: CLASSES }, (_, index) => Number(index === label)));
  return {
    ...{ rows: ROWS, realRows: ROWS },
    inputs: [Float32Array.from({ length: 6 * ROWS }, () => random.normal())],
    targets: [isSparse ? Int32Array.from(labels) : Float32Array.from(oneHot)],
    weights: Float32Array.from({ length: ROWS }, () => 0.5 + random.next()),
  };
}
