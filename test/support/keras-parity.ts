import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import { type Batch, resolveOptimizer } from '../../shared/job/index.ts';
import { type Engine, type EngineName, type Trainer, tf } from '../../worker/engine/index.ts';
import { proving } from './coverage-record.ts';
import { openEngine, relativeDistance, smallJob } from './engine-fixtures.ts';
import { functionParity } from './keras-function-parity.ts';

/**
 * One float32 rounding is 6e-8 relative. A step of these problems adds some dozen products per value, in an order that
 * depends on the CPU, and the golden sequences are up to 50 steps long; 4e-7 was measured.
 */
const ROUNDING = 1e-6;

const LOSS_ROUNDING = 10 * ROUNDING;

/**
 * TensorFlow's kernel for Adam takes 1 − β₂ from a float32 β₂, Keras 3 from Python's: for β₂ = 0.999 these differ by
 * 4.7e-5 of the velocity, and its root, like each update, by half of that.
 */
const kernelRounding: Readonly<Record<string, number>> = { adam: 2.4e-5, adamW: 2.4e-5 };

interface OptimizerGoldens {
  readonly inputs: readonly number[];
  readonly targets: readonly number[];
  readonly kernel: readonly number[];
  readonly bias: readonly number[];
  readonly cases: Readonly<Record<string, OptimizerCase>>;
}

interface OptimizerCase {
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Of every step, before its update. */
  readonly losses: readonly number[];
  /** After some steps, by their number. */
  readonly weights: Readonly<Record<string, OptimizerWeights>>;
}

interface OptimizerWeights {
  /** How far the weights have come in all steps so far together: the sum of the norms of their changes. */
  readonly moved: number;
  readonly kernel: readonly number[];
  readonly bias: readonly number[];
}

interface ModelGoldens {
  readonly inputs: readonly number[];
  readonly targets: readonly number[];
  readonly initial: Readonly<Record<string, readonly number[]>>;
  readonly steps: readonly {
    readonly loss: number;
    readonly accuracy: number;
    readonly weights: Readonly<Record<string, readonly number[]>>;
  }[];
  readonly evaluated: { readonly loss: number; readonly accuracy: number };
}

export function goldens<T>(name: string): T {
  const file = new URL(`../../../test/parity/goldens/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

function batchOf(rows: number, inputs: readonly number[], targets: readonly number[]): Batch {
  return {
    rows,
    realRows: rows,
    inputs: [Float32Array.from(inputs)],
    targets: [Float32Array.from(targets)],
    weights: new Float32Array(rows).fill(1),
  };
}

export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  if (actual.length === expected.length && Array.from(actual).every((value, index) => value === expected[index]))
    return;
  const distance = relativeDistance(actual, expected);
  assert.ok(
    distance <= tolerance,
    `${what}: off by ${distance.toExponential(2)}, more than ${tolerance.toExponential(2)}`,
  );
}

/** Compares an engine with the values that Keras gave (keras_goldens.py). */
export async function kerasParity(name: EngineName, { compile }: { readonly compile: boolean }): Promise<void> {
  const { engine: opened, skip } = await openEngine(name);
  const engine = opened as Engine;
  const label = compile ? `${name}, compiled` : name;

  const optimizerGoldens = goldens<OptimizerGoldens>('optimizers');
  for (const [caseName, golden] of Object.entries(optimizerGoldens.cases)) {
    for (const whole of compile ? [false, true] : [false]) {
      test(
        `${label}: ${caseName} moves weights as Keras does${whole ? ', in whole steps' : ''}`,
        {
          skip,
        },
        () =>
          proving([{ kind: 'optimizers', row: golden.optimizer }], 'keras', async () => {
            const trainer = await engine.createTrainer(
              smallJob({
                buildModel: () => tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 3 })] }),
                inputs: [{ shape: [4], dtype: 'float32' }],
                optimizer: resolveOptimizer({ name: golden.optimizer, ...golden.options }),
                loss: 'meanSquaredError',
                metrics: [],
                rows: [8],
                compile,
              }),
            );
            try {
              checkOptimizer(trainer, optimizerGoldens, golden, { compile, whole });
            } finally {
              trainer.close();
            }
          }),
      );
    }
  }

  // These functions are the same ones, compiled or not.
  if (!compile) functionParity(label, skip);

  for (const [file, what] of [
    ['model', 'batch normalization'],
    ['frozen-model', 'frozen batch normalization'],
  ] as const) {
    test(`${label}: a model with regularization and ${what} reports and learns what Keras does`, { skip }, async () => {
      const trainer = await engine.createTrainer(
        smallJob({
          buildModel: () => goldenModel(file === 'frozen-model'),
          inputs: [{ shape: [4], dtype: 'float32' }],
          optimizer: resolveOptimizer({ name: 'sgd', learningRate: 0.1, momentum: 0.9 }),
          rows: [16],
          compile,
        }),
      );
      try {
        checkModel(trainer, goldens<ModelGoldens>(file));
      } finally {
        trainer.close();
      }
    });
  }
}

function checkOptimizer(
  trainer: Trainer,
  problem: OptimizerGoldens,
  { optimizer, losses, weights }: OptimizerCase,
  { compile, whole }: { readonly compile: boolean; readonly whole: boolean },
): void {
  const batch = batchOf(8, problem.inputs, problem.targets);
  const [kernel, bias] = trainer.readWeights();
  assert.ok(kernel !== undefined && bias !== undefined);
  trainer.writeWeights([
    { ...kernel, values: Float32Array.from(problem.kernel) },
    { ...bias, values: Float32Array.from(problem.bias) },
  ]);
  const share = compile ? (kernelRounding[optimizer] ?? 0) : 0;
  for (const [step, loss] of losses.entries()) {
    const statistics = trainStep(trainer, batch, step, whole);
    const expected = weights[String(step)];
    assertClose([at(statistics, 0) / 8], [loss], LOSS_ROUNDING + share, `loss of step ${step}`);
    if (expected === undefined) continue;
    const actual = trainer.readWeights().flatMap(({ values }) => [...values]);
    const after = [...expected.kernel, ...expected.bias];
    const tolerance = ROUNDING + (share * expected.moved) / norm(after);
    assertClose(actual, after, tolerance, `weights after step ${step}`);
  }
}

/** Gives the statistics, the loss's sum first. */
function trainStep(trainer: Trainer, batch: Batch, step: number, whole: boolean): Float32Array {
  const microstep = { step, replica: 0, replicas: 1, globalSamples: batch.realRows };
  if (whole) {
    assert.ok(trainer.trainWhole !== undefined);
    return trainer.trainWhole(batch, microstep);
  }
  const contribution = trainer.forwardBackward(batch, microstep);
  trainer.apply(contribution, step);
  return contribution.statistics;
}

function checkModel(trainer: Trainer, golden: ModelGoldens): void {
  const batch = batchOf(16, golden.inputs, golden.targets);
  trainer.writeWeights(
    trainer
      .readWeights()
      .map((weight) => ({ ...weight, values: Float32Array.from(golden.initial[weight.name] ?? []) })),
  );
  for (const [step, expected] of golden.steps.entries()) {
    const contribution = trainer.forwardBackward(batch, { step, replica: 0, replicas: 1, globalSamples: 16 });
    trainer.apply(contribution, step);
    // Momentum carries each step's rounding on: an order of magnitude over the 12 steps.
    assertClose([at(contribution.statistics, 0) / 16], [expected.loss], 10 * ROUNDING, `loss of step ${step}`);
    assert.equal(at(contribution.statistics, 1) / 16, expected.accuracy);
    for (const { name, values } of trainer.readWeights()) {
      const after = expected.weights[name] ?? [];
      assertClose(values, after, 10 * ROUNDING, `${name} after step ${step}`);
    }
  }
  const { lossSum, metricSums, samples } = trainer.evaluate(batch);
  assertClose([lossSum / samples], [golden.evaluated.loss], 10 * ROUNDING, 'evaluated loss');
  assert.equal(at(metricSums, 0) / samples, golden.evaluated.accuracy);
}

function goldenModel(frozen: boolean): tf.LayersModel {
  const kernelRegularizer = tf.regularizers.l2({ l2: 0.05 });
  const norm = tf.layers.batchNormalization({ momentum: 0.9 });
  norm.trainable = !frozen;
  return tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [4], units: 5, activation: 'tanh', kernelRegularizer }),
      norm,
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

function norm(values: readonly number[]): number {
  return Math.hypot(...values);
}
