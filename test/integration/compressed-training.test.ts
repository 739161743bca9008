import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, RandomStream } from '../../shared/core/index.ts';
import { type Batch, optimizers } from '../../shared/job/index.ts';
import { PowerSgd, TopK } from '../../worker/collective/index.ts';
import { type Contribution, type Engine, type Trainer, tf } from '../../worker/engine/index.ts';
import { cut, openEngine, smallJob } from '../support/engine-fixtures.ts';
import { referenceSum } from '../support/reference-sum.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

const replicas = 4;
const rows = 16;
const samples = 1024;
const inputs = 32;
const classes = 8;
const hosted = { start: 0, end: replicas };

const job = smallJob({
  buildModel: () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [inputs], units: 64, activation: 'relu' }),
        tf.layers.dense({ units: 64, activation: 'relu' }),
        tf.layers.dense({ units: classes, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.sgd({ learningRate: 0.1 }),
  inputs: [{ shape: [inputs], dtype: 'float32' }],
  targets: [{ shape: [classes], dtype: 'float32' }],
  rows: [rows],
  bucketBytes: 1 << 20,
  compile: true,
});

/** Samples whose class is the largest of some random functions of their inputs. */
function taught(): Batch {
  const random = new RandomStream(3);
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const teacher = normals(inputs * classes);
  const x = normals(samples * inputs);
  const y = new Float32Array(samples * classes);
  for (let row = 0; row < samples; row++) {
    const scores = Array.from({ length: classes }, (_, c) =>
      Array.from({ length: inputs }).reduce<number>(
        (sum, _, i) => sum + Math.tanh(at(x, row * inputs + i)) * at(teacher, i * classes + c),
        0,
      ),
    );
    y[row * classes + scores.indexOf(Math.max(...scores))] = 1;
  }
  return { rows: samples, realRows: samples, inputs: [x], targets: [y], weights: new Float32Array(samples).fill(1) };
}

const data = taught();

/** Turns all replicas' contributions of a step into what is applied. */
type Exchange = (gradients: readonly Float32Array[][], step: number) => Float32Array[];

const sums = (parts: readonly (readonly Float32Array[])[]): Float32Array[] =>
  at(parts, 0).map((_, bucket) => referenceSum(parts.map((buckets) => at(buckets, bucket))));

/** Mean loss over all samples after training with what `makeExchange` makes. */
async function lossAfter(steps: number, makeExchange: (trainer: Trainer) => Exchange): Promise<number> {
  const trainer = await engine.createTrainer(job);
  try {
    const exchange = makeExchange(trainer);
    for (let step = 0; step < steps; step++) {
      const parts: Contribution[] = [];
      for (let replica = 0; replica < replicas; replica++) {
        const start = ((step * replicas + replica) * rows) % samples;
        const place = { step, replica, replicas, globalSamples: replicas * rows };
        parts.push(trainer.forwardBackward(cut(data, start, start + rows), place));
      }
      const gradients = exchange(
        parts.map((part) => [...part.gradients] as Float32Array[]),
        step,
      );
      const statistics = referenceSum(parts.map((part) => part.statistics));
      trainer.apply({ gradients, statistics }, step);
    }
    let loss = 0;
    for (let start = 0; start < samples; start += rows)
      loss += trainer.evaluate(cut(data, start, start + rows)).lossSum;
    return loss / samples;
  } finally {
    trainer.close();
  }
}

const dense = (): Exchange => (parts) => sums(parts);

/** @param keeps without it what is not sent is lost */
const topK =
  (fraction: number, keeps: boolean) =>
  ({ layout }: Trainer): Exchange => {
    const feedback = new TopK(fraction, hosted, layout.gradientBuckets);
    const nothing = feedback.residuals();
    return (parts) => {
      for (const [replica, buckets] of parts.entries()) {
        for (const [bucket, values] of buckets.entries()) feedback.compress(replica, bucket, values);
      }
      if (!keeps) feedback.setResiduals(nothing);
      return sums(parts);
    };
  };

const powerSgd =
  (rank: number, keeps: boolean) =>
  ({ layout }: Trainer): Exchange => {
    const lowRank = new PowerSgd({ rank, seed: 5, replicas: hosted, shapes: layout.gradientShapes });
    const nothing = lowRank.residuals();
    return (parts, step) => {
      const first = sums(
        parts.map((buckets, replica) => buckets.map((v, bucket) => lowRank.compress(replica, bucket, v))),
      );
      lowRank.reduceLeft(first);
      const second = sums(parts.map((_, replica) => [...lowRank.factors(replica)]));
      if (!keeps) lowRank.setResiduals(nothing);
      return lowRank.decompress(first, second, step);
    };
  };

const steps = 400;

for (const [name, make] of [
  ['the largest 1 % of each replica’s gradients', (keeps: boolean) => topK(0.01, keeps)],
  ['a factorization of rank 1', (keeps: boolean) => powerSgd(1, keeps)],
] as const) {
  test(`${name} train nearly as well as all, and clearly better than with the rest thrown away`, {
    skip,
  }, async (t) => {
    const exact = await lossAfter(steps, dense);
    const kept = await lossAfter(steps, make(true));
    const lost = await lossAfter(steps, make(false));
    t.diagnostic(
      `loss after ${steps} steps: float32 ${exact.toFixed(4)}, ${kept.toFixed(4)}; without error feedback ${lost.toFixed(4)}`,
    );
    assert.ok(kept < exact + 0.05);
    assert.ok(lost > exact + 0.5);
  });
}
