import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { LockstepError, RandomStream } from '../../shared/core/index.ts';
import { type Batch, type BatchValues, optimizers, type TensorSpec } from '../../shared/job/index.ts';
import {
  type Contribution,
  type Engine,
  type EngineName,
  type Gradients,
  loadEngine,
  type Trainer,
  type TrainerOptions,
  tf,
} from '../../worker/engine/index.ts';

/** An engine for tests, or why this machine has none: then the tests are skipped with that reason. */
export async function openEngine(
  name: EngineName,
): Promise<{ engine: Engine; skip: false } | { engine: null; skip: string }> {
  try {
    return { engine: await loadEngine(name, { threads: Math.min(2, availableParallelism()) }), skip: false };
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'engine/unavailable') {
      return { engine: null, skip: error.message };
    }
    throw error;
  }
}

/** Rows of a full batch of `smallJob`. */
export const FULL_ROWS = 12;

/** Options of a small classifier of 6 numbers in 3 classes; `overrides` replaces any of them. */
export function smallJob(overrides: Partial<TrainerOptions> = {}): TrainerOptions {
  return {
    buildModel: () =>
      tf.sequential({
        layers: [
          tf.layers.dense({ inputShape: [6], units: 8, activation: 'tanh' }),
          tf.layers.dense({ units: 3, activation: 'softmax' }),
        ],
      }),
    optimizer: optimizers.sgd({ learningRate: 0.1 }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
    seed: 7,
    inputs: [{ shape: [6], dtype: 'float32' }],
    targets: [{ shape: [3], dtype: 'float32' }],
    bucketBytes: 100,
    rows: [FULL_ROWS, 8, 6, 5, 4, 3, 2, 1],
    compile: false,
    ...overrides,
  };
}

/** The CNN of the Keras book's chapter on images. */
export function chapterCnn(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [64, 64, 3], filters: 32, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 64, activation: 'relu' }),
      tf.layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
}

export function cnnJob(overrides: Partial<TrainerOptions> = {}): TrainerOptions {
  return smallJob({
    buildModel: chapterCnn,
    inputs: [{ shape: [64, 64, 3], dtype: 'float32' }],
    targets: [{ shape: [10], dtype: 'float32' }],
    optimizer: optimizers.sgd({ learningRate: 0.01 }),
    bucketBytes: 1 << 20,
    rows: [8],
    ...overrides,
  });
}

/** `rows` samples with normal inputs and one-hot targets, a function of `seed`. */
export function randomBatch(
  { inputs, targets }: { readonly inputs: readonly TensorSpec[]; readonly targets: readonly TensorSpec[] },
  rows: number,
  seed = 1,
): Batch {
  const random = new RandomStream(seed);
  return {
    rows,
    realRows: rows,
    inputs: inputs.map(({ shape }) => Float32Array.from({ length: rows * size(shape) }, () => random.normal())),
    targets: targets.map(({ shape }) => {
      const values = new Float32Array(rows * size(shape));
      for (let row = 0; row < rows; row++) values[row * size(shape) + random.below(size(shape))] = 1;
      return values;
    }),
    weights: new Float32Array(rows).fill(1),
  };
}

/** Rows `start` to `end` of a batch as a batch of `rows` rows, the rest padding of zeros. */
export function cut(batch: Batch, start: number, end: number, rows = end - start): Batch {
  const part = (values: BatchValues): BatchValues => {
    const perRow = values.length / batch.rows;
    const copy = new (values.constructor as Float32ArrayConstructor)(rows * perRow);
    copy.set(values.subarray(start * perRow, end * perRow));
    return copy;
  };
  return {
    rows,
    realRows: end - start,
    inputs: batch.inputs.map(part),
    targets: batch.targets.map(part),
    weights: part(batch.weights) as Float32Array,
  };
}

/** The batch padded to full rows, as evaluation and prediction get it. */
export function full(batch: Batch): Batch {
  return cut(batch, 0, batch.realRows, FULL_ROWS);
}

function floats(values: Gradients | undefined): Float32Array {
  assert.ok(values instanceof Float32Array, 'gradients are float32');
  return values;
}

/** The sum that the collective would make. */
export function sumContributions(parts: readonly Contribution[]): Contribution {
  const sum = (arrays: readonly Float32Array[]): Float32Array => {
    const total = Float32Array.from(arrays[0] ?? []);
    for (const array of arrays.slice(1))
      for (const [index, value] of array.entries()) total[index] = (total[index] ?? 0) + value;
    return total;
  };
  return {
    gradients: (parts[0]?.gradients ?? []).map((_, bucket) =>
      sum(parts.map(({ gradients }) => floats(gradients[bucket]))),
    ),
    statistics: sum(parts.map(({ statistics }) => statistics)),
  };
}

/** `steps` steps on the same batch, cut in `replicas` equal parts. */
export function train(trainer: Trainer, batch: Batch, steps: number, replicas = 1): void {
  const rows = batch.rows / replicas;
  for (let step = 0; step < steps; step++) {
    const parts = Array.from({ length: replicas }, (_, replica) =>
      trainer.forwardBackward(cut(batch, replica * rows, (replica + 1) * rows), {
        step,
        replica,
        replicas,
        globalSamples: batch.realRows,
      }),
    );
    trainer.apply(sumContributions(parts), step);
  }
}

/** ‖a − b‖ / ‖b‖ */
export function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let norm = 0;
  for (let index = 0; index < a.length; index++) {
    difference += ((a[index] ?? 0) - (b[index] ?? 0)) ** 2;
    norm += (b[index] ?? 0) ** 2;
  }
  return Math.sqrt(difference / norm);
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
