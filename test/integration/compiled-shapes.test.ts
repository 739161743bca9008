import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import { type Batch, optimizers } from '../../shared/job/index.ts';
import {
  type CompileReport,
  type Engine,
  type Trainer,
  type TrainerOptions,
  tf,
  weightsSha256,
} from '../../worker/engine/index.ts';
import { cut, openEngine, randomBatch, relativeDistance, smallJob } from '../support/engine-fixtures.ts';
import { noisyModel } from '../support/engine-models.ts';
import { countNativeHandles, countNativeSessions } from '../support/native-handles.ts';
import { thrown } from '../support/thrown.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

/** Sums of some dozen float32 values in another order differ by about 1e-7. */
const REORDERED_SUM = 1e-5;

const noisyJob: TrainerOptions = smallJob({
  buildModel: noisyModel,
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  compile: true,
  rows: [12],
});

const head = () => tf.layers.dense({ units: 3, activation: 'softmax' });

const openModels = {
  'sequences of any length': {
    buildModel: () =>
      tf.sequential({
        layers: [tf.layers.lstm({ inputShape: [null, 4], units: 6, recurrentActivation: 'sigmoid' }), head()],
      }),
    declared: [7, 4],
    others: [
      [3, 4],
      [5, 4],
      [9, 4],
    ],
  },
  'sequences of any length, unrolled': {
    buildModel: () => tf.sequential({ layers: [tf.layers.gru({ inputShape: [null, 4], units: 6 }), head()] }),
    declared: [4, 4],
    others: [
      [2, 4],
      [6, 4],
    ],
  },
  'images of any size': {
    buildModel: () =>
      tf.sequential({
        layers: [
          tf.layers.conv2d({ inputShape: [null, null, 3], filters: 4, kernelSize: 3, activation: 'relu' }),
          tf.layers.batchNormalization(),
          tf.layers.globalAveragePooling2d({}),
          head(),
        ],
      }),
    declared: [8, 8, 3],
    others: [
      [6, 6, 3],
      [10, 8, 3],
    ],
  },
} as const;

const train = (trainer: Trainer, batch: Batch, step: number, replicas = 1): void => {
  const { realRows } = batch;
  if (trainer.trainWhole !== undefined && replicas === 1) {
    trainer.trainWhole(batch, { step, replica: 0, replicas, globalSamples: realRows });
    return;
  }
  const contribution = trainer.forwardBackward(batch, { step, replica: 0, replicas, globalSamples: realRows });
  trainer.apply(contribution, step);
};

const hashOf = (trainer: Trainer): string => weightsSha256(trainer.readWeights());

/** A batch of samples of `shape`, which the model's data set doesn't declare. */
function batchOf(shape: readonly number[], rows: number, seed = 1): Batch {
  const inputs = [{ shape, dtype: 'float32' }] as const;
  const targets = [{ shape: [3], dtype: 'float32' }] as const;
  return { ...randomBatch({ inputs, targets }, rows, seed), shapes: { inputs: [shape], targets: [[3]] } };
}

async function withTrainer<T>(options: TrainerOptions, use: (trainer: Trainer) => T | Promise<T>): Promise<T> {
  const trainer = await engine.createTrainer(options);
  try {
    return await use(trainer);
  } finally {
    trainer.close();
  }
}

for (const replicas of [1, 2]) {
  test(`row counts that nobody announced give the same bits, ${replicas} replicas`, { skip }, async () => {
    const batch = randomBatch(noisyJob, 12);
    const sequence = [12, 8, 5, 12, 8, 1, 12];
    const hashes: string[] = [];
    for (const rows of [[12, 8, 5, 1], [12]]) {
      hashes.push(
        await withTrainer({ ...noisyJob, rows, replicas }, (trainer) => {
          for (const [step, count] of sequence.entries()) train(trainer, cut(batch, 0, count), step, replicas);
          return hashOf(trainer);
        }),
      );
    }
    assert.equal(hashes[0], hashes[1]);
  });
}

test('what was accumulated outlives a shape that is compiled in the middle of a step, and whole steps equal reduced ones', {
  skip,
}, async () => {
  const batch = randomBatch(noisyJob, 12);
  const parts = [cut(batch, 0, 4), cut(batch, 4, 7), cut(batch, 7, 12)];
  const hashes: string[] = [];
  for (const [rows, isWhole] of [
    [[4, 3, 5], true],
    [[4], true],
    [[4], false],
  ] as const) {
    const job = { ...noisyJob, rows, accumulate: 3, replicas: 1 };
    const hash = await withTrainer(job, (trainer) => {
      for (const step of [0, 1, 2]) {
        const place = (microstep: number) => ({ step, replica: 0, replicas: 1, globalSamples: 12, microstep });
        for (const microstep of [0, 1]) trainer.accumulate(at(parts, microstep), place(microstep));
        if (isWhole) trainer.trainWhole?.(at(parts, 2), place(2));
        else trainer.apply(trainer.forwardBackward(at(parts, 2), place(2)), step);
      }
      // A step of one microstep, as the last one of an epoch may be.
      train(trainer, at(parts, 1), 3);
      return hashOf(trainer);
    });
    hashes.push(hash);
  }
  assert.deepEqual(hashes, [hashes[0], hashes[0], hashes[0]]);
});

test('evaluation and prediction take batches of any row count', { skip }, async () => {
  const batch = randomBatch(noisyJob, 12);
  await withTrainer(noisyJob, (trainer) => {
    const all = trainer.evaluate(batch);
    const parts = [cut(batch, 0, 7), cut(batch, 7, 12)].map((part) => trainer.evaluate(part));
    const sum = parts.reduce((total, { lossSum }) => total + lossSum, 0);
    assert.ok(Math.abs(sum - all.lossSum) < REORDERED_SUM * all.lossSum, `${sum} and ${all.lossSum}`);
    const whole = trainer.predict(batch)[0] ?? [];
    assert.ok(relativeDistance(trainer.predict(cut(batch, 0, 7))[0] ?? [], whole.slice(0, 21)) < REORDERED_SUM);
    assert.equal(trainer.predict(cut(batch, 0, 5, 7))[0]?.length, 15, 'padding is left out');
  });
});

for (const [what, { buildModel, declared, others }] of Object.entries(openModels)) {
  const job = (shape: readonly number[], compile: boolean): TrainerOptions =>
    smallJob({ buildModel, compile, rows: [4], inputs: [{ shape, dtype: 'float32' }], metrics: ['accuracy'] });
  const step = { step: 0, replica: 0, replicas: 1, globalSamples: 4 };

  test(`${what}: a shape that came later gives the bits of one that was declared`, { skip }, async () => {
    await withTrainer(job(declared, true), async (trainer) => {
      for (const shape of others) {
        const batch = batchOf(shape, 4);
        const later = [trainer.forwardBackward(batch, step), trainer.evaluate(batch), trainer.predict(batch)];
        const first = await withTrainer(job(shape, true), (own) => [
          own.forwardBackward(batch, step),
          own.evaluate(batch),
          own.predict(batch),
        ]);
        assert.deepEqual(later, first, String(shape));
      }
    });
  });

  test(`${what}: compiled equals eager`, { skip }, async () => {
    await withTrainer(job(declared, true), async (trainer) => {
      for (const shape of others) {
        const batch = batchOf(shape, 4);
        await withTrainer(job(declared, false), (eager) => {
          const [ours, theirs] = [trainer, eager].map((one) => one.forwardBackward(batch, step));
          assert.ok(ours !== undefined && theirs !== undefined);
          for (const [bucket, values] of ours.gradients.entries()) {
            assert.ok(relativeDistance(values, theirs.gradients[bucket] ?? []) < REORDERED_SUM, String(shape));
          }
          assert.ok(relativeDistance(ours.statistics, theirs.statistics) < REORDERED_SUM);
        });
      }
    });
  });
}

test('shapes beyond the bound give room, without a trace in results, handles or sessions', { skip }, async () => {
  const { buildModel } = openModels['sequences of any length'];
  const job = smallJob({
    ...{ buildModel, compile: true, rows: [4], inputs: [{ shape: [7, 4], dtype: 'float32' }] },
    optimizer: optimizers.adam({ learningRate: 0.01 }),
  });
  const lengths = [1, 2, 3, 4, 5, 6];
  const rounds = 4;
  const run = async (keptShapes: number): Promise<{ hash: string; reports: CompileReport[] }> => {
    const reports: CompileReport[] = [];
    const handles = countNativeHandles();
    const onCompiled = (report: CompileReport): void => void reports.push(report);
    const trainer = await engine.createTrainer({ ...job, keptShapes, onCompiled });
    const counts: number[][] = [];
    for (let round = 0; round < rounds; round++) {
      for (const [index, length] of lengths.entries())
        train(trainer, batchOf([length, 4], 4), round * lengths.length + index);
      const { tensors, bytes } = engine.memory();
      counts.push([tensors, bytes, handles(), countNativeSessions(), trainer.inspection?.nodes.length ?? 0]);
    }
    for (const count of counts) assert.deepEqual(count, counts[0]);
    const hash = hashOf(trainer);
    trainer.close();
    assert.deepEqual([handles(), countNativeSessions()], [0, 0]);
    return { hash, reports };
  };
  const [roomy, tight] = [await run(6), await run(2)];
  assert.equal(tight.hash, roomy.hash);
  assert.equal(roomy.reports.length, 1 + lengths.length);
  assert.equal(tight.reports.length, 1 + rounds * lengths.length);
  assert.equal(tight.reports.at(-1)?.recompiled, (rounds - 1) * lengths.length);
  assert.deepEqual(roomy.reports.at(-1)?.shapes, ['4 rows of [6, 4]']);
  assert.ok(roomy.reports.every(({ recompiled, seconds }) => recompiled === 0 && seconds > 0));
});

test('a shape that cannot be compiled leaves everything as it was', { skip }, async () => {
  class NoThree extends tf.layers.Layer {
    static className = 'NoThree';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor;
      if (x.shape[0] === 3) throw new Error('three rows are not for me');
      return x;
    }
    override computeOutputShape(shape: tf.Shape): tf.Shape {
      return shape;
    }
  }
  const buildModel = () =>
    tf.sequential({
      layers: [tf.layers.dense({ inputShape: [6], units: 4, activation: 'relu' }), new NoThree(), head()],
    });
  const batch = randomBatch(noisyJob, 12);
  const handles = countNativeHandles();
  const { tensors } = engine.memory();
  await withTrainer({ ...noisyJob, buildModel }, (trainer) => {
    const before = hashOf(trainer);
    thrown('engine/failed', () => train(trainer, cut(batch, 0, 3), 0));
    thrown('data/shape', () => trainer.predict({ ...cut(batch, 0, 4), shapes: { inputs: [[5]], targets: [[3]] } }));
    assert.equal(hashOf(trainer), before);
    train(trainer, cut(batch, 0, 4), 0);
    assert.notEqual(hashOf(trainer), before);
  });
  assert.deepEqual([engine.memory().tensors, handles(), countNativeSessions()], [tensors, 0, 0]);
});
