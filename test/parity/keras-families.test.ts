import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Job, optimizers, readLosses } from '../../shared/job/index.ts';
import { metricValues, scalarsOf } from '../../shared/metrics/index.ts';
import { type Engine, ownStepTrainer, type Trainer, type TrainerOptions, tf } from '../../worker/engine/index.ts';
import { proving } from '../support/coverage-record.ts';
import { type CoverageRow, rowsOfExample } from '../support/coverage-rows.ts';
import { openEngine, smallJob } from '../support/engine-fixtures.ts';
import { type DrawnTensor, draw, familyBatch, initialWeight, sampleShape } from '../support/family-draws.ts';
import { goldens } from '../support/keras-parity.ts';

/** Relative, of the loss after up to 20 steps: Adam divides by roots of small numbers, which carries rounding on. */
const TOLERANCE = 1e-4;

interface Family {
  readonly inputs: readonly DrawnTensor[];
  readonly targets: readonly DrawnTensor[];
  readonly weights: readonly (readonly number[])[];
  /** Loss and metrics of each step, before its update. */
  readonly steps: readonly Readonly<Record<string, number>>[];
}

interface Families {
  readonly rows: number;
  /** Steps take these in turns. */
  readonly batches: number;
  readonly families: Readonly<Record<string, Family>>;
}

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;
const { rows, batches, families } = goldens<Families>('families');

/** Rows besides those of the example itself. */
const more: Readonly<Record<string, readonly CoverageRow[]>> = {
  'transformer-classifier': [{ kind: 'layers', row: 'transformerEncoder' }],
};

for (const [example, family] of Object.entries(families)) {
  const shown = [...rowsOfExample(example), ...(more[example] ?? [])];
  for (const compile of [true, false]) {
    test(`20 steps of ${example}${compile ? ', compiled,' : ''} have Keras’s losses and metrics`, { skip }, () =>
      proving(shown, compile ? 'compiled' : 'keras', async () => {
        await compare(family, { ...(await optionsOf(example, family)), compile });
      }),
    );
  }
}

test('the loss crossentropy is the one that fits, as in Keras', { skip }, () =>
  proving([{ kind: 'losses', row: 'crossentropy' }], 'keras', async () => {
    const loss = readLosses('crossentropy');
    for (const example of ['small-cnn', 'recurrent-stack']) {
      const family = families[example] ?? assert.fail(example);
      await compare({ ...family, steps: family.steps.slice(0, 3) }, { ...(await optionsOf(example, family)), loss });
    }
  }),
);

async function optionsOf(example: string, family: Family): Promise<Partial<TrainerOptions>> {
  const inputs = family.inputs.map((spec) => ({ shape: sampleShape(spec), dtype: 'float32' as const }));
  const targets = family.targets.map((spec) => ({ shape: sampleShape(spec), dtype: 'float32' as const }));
  if (example === 'own-loop')
    return { ...ownLoop(inputs, targets), optimizer: optimizers.adam({ learningRate: 0.01 }) };
  const { default: job } = (await import(new URL(`../../examples/${example}.js`, import.meta.url).href)) as {
    default: Job;
  };
  const { model, loss, lossWeights, metrics, weightedMetrics, optimizer } = job;
  return { buildModel: model, loss, lossWeights, metrics, weightedMetrics, optimizer, inputs, targets };
}

/** Variables and a step of one's own, as connect()'s `compile` takes them. */
function ownLoop(inputs: TrainerOptions['inputs'], targets: TrainerOptions['targets']) {
  const weight = (...shape: number[]) => tf.variable(tf.zeros(shape as [number, number])) as tf.Variable<tf.Rank.R2>;
  const [hidden, hiddenBias, output, outputBias] = [weight(6, 8), weight(8), weight(8, 4), weight(4)];
  return ownStepTrainer({
    variables: { hidden, hiddenBias, output, outputBias },
    step: ([x], [truth]) => {
      const inner = tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, hidden), hiddenBias)) as tf.Tensor2D;
      const scores = tf.add(tf.matMul(inner, output), outputBias);
      return {
        loss: tf.neg(tf.sum(tf.mul(truth as tf.Tensor, tf.logSoftmax(scores)), -1)),
        accuracy: tf.equal(tf.argMax(scores, -1), tf.argMax(truth as tf.Tensor, -1)),
      };
    },
    inputs,
    targets,
  });
}

async function compare(family: Family, options: Partial<TrainerOptions>): Promise<void> {
  const trainer = await engine.createTrainer(
    smallJob({ bucketBytes: 1 << 20, rows: [rows], compile: true, ...options }),
  );
  try {
    const weights = trainer.readWeights();
    assert.deepEqual(
      weights.map(({ shape }) => shape),
      family.weights,
      'shapes of weights, in Keras’s order',
    );
    trainer.writeWeights(
      weights.map((weight, index) => ({ ...weight, values: initialWeight(weight.name, weight.shape, index) })),
    );
    for (const [step, expected] of family.steps.entries()) checkStep(trainer, family, step, expected);
  } finally {
    trainer.close();
  }
}

function checkStep(trainer: Trainer, family: Family, step: number, expected: Readonly<Record<string, number>>): void {
  const batch = familyBatch(rows, family, step % batches);
  // A step of one's own has its targets among its inputs.
  const own = trainer.modelName === 'loop';
  const given = own
    ? { ...batch, inputs: [...batch.inputs, ...batch.targets], targets: [new Float32Array(rows)] }
    : batch;
  const contribution = trainer.forwardBackward(given, { step, replica: 0, replicas: 1, globalSamples: rows });
  trainer.apply(contribution, step);
  const [lossSum = 0, ...sums] = contribution.statistics.slice(0, 1 + trainer.metricWidth);
  const found = scalarsOf(metricValues(trainer.metrics, sums, rows));
  const measured = { loss: lossSum / rows, ...found };
  for (const [name, value] of Object.entries(expected)) {
    const [, actual] = Object.entries(measured).find(([ours]) => same(ours, name)) ?? assert.fail(`no ${name}`);
    // Hits are counted; errors are sums of float32 values.
    const isCount = /accuracy|covered/i.test(name);
    const allowed = isCount ? 1e-6 : TOLERANCE * Math.abs(value);
    assert.ok(Math.abs(actual - value) <= allowed, `${name} of step ${step}: ${actual} instead of ${value}`);
  }
}

function same(ours: string, keras: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replaceAll('_', '');
  return plain(ours) === plain(keras);
}

test('values are drawn as the golden file’s script draws them', () => {
  assert.deepEqual(draw(3, 7), Float32Array.from(goldens<{ drawn: number[] }>('families').drawn));
});
