import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, LockstepError, RandomStream, splitEvenly } from '../../shared/core/index.ts';
import { PowerSgd, type PowerSgdOptions } from '../../worker/collective/index.ts';
import { referenceSum, sameBits } from '../support/reference-sum.ts';

const replicas = 4;
const rank = 2;
/** A vector, matrices, a kernel of a convolution, and a bucket that has no matrix. */
const shapes = [
  [[7], [9, 8]],
  [[5]],
  [
    [3, 3, 2, 10],
    [2, 2],
    [12, 6],
  ],
];
const lengths = [79, 5, 256];
const options = { rank, seed: 11, replicas: { start: 0, end: replicas }, shapes };

type Buckets = Float32Array[];

const gradients = (step: number, replica: number): Buckets =>
  lengths.map((length, bucket) => {
    const random = new RandomStream(step, replica, bucket);
    return Float32Array.from({ length }, () => random.normal());
  });

/** Workers that host the replicas in even parts. */
const workersOf = (count: number): PowerSgd[] =>
  splitEvenly(replicas, count).map((hosted) => new PowerSgd({ ...options, replicas: hosted }));

const sums = (parts: readonly Buckets[]): Buckets =>
  at(parts, 0).map((_, bucket) => referenceSum(parts.map((buckets) => at(buckets, bucket))));

/** One step as workers make it together: what each of them gets. */
function exchange(workers: readonly PowerSgd[], step: number, make = gradients): Buckets[] {
  const ranges = splitEvenly(replicas, workers.length);
  const each = (take: (worker: PowerSgd, replica: number) => Buckets): Buckets[] =>
    workers.flatMap((worker, rank) => {
      const { start, end } = at(ranges, rank);
      return Array.from({ length: end - start }, (_, offset) => take(worker, start + offset));
    });
  const first = sums(
    each((worker, replica) => make(step, replica).map((values, bucket) => worker.compress(replica, bucket, values))),
  );
  for (const worker of workers) worker.reduceLeft(first);
  const second = sums(each((worker, replica) => [...worker.factors(replica)]));
  return workers.map((worker) => worker.decompress(first, second, step));
}

const kept = (workers: readonly PowerSgd[]): Map<number, readonly Float32Array[]> =>
  new Map(workers.flatMap((worker) => [...worker.residuals()]));

/** Values of a bucket over all replicas, added in float64. */
function total(parts: Iterable<readonly Float32Array[]>, bucket: number): Float64Array {
  const sum = new Float64Array(at(lengths, bucket));
  for (const buckets of parts)
    for (const [index, value] of at(buckets, bucket).entries()) sum[index] = (sum[index] ?? 0) + value;
  return sum;
}

test('what is applied and what is kept back add up to the gradients and what had been kept back', () => {
  const workers = workersOf(2);
  for (let step = 0; step < 5; step++) {
    const before = [...kept(workers).values()];
    const [applied = []] = exchange(workers, step);
    const all = [...before, ...Array.from({ length: replicas }, (_, replica) => gradients(step, replica))];
    const after = [...kept(workers).values(), applied];
    for (const bucket of lengths.keys()) {
      const expected = total(all, bucket);
      for (const [index, value] of total(after, bucket).entries()) {
        assert.ok(Math.abs(value - at(expected, index)) < 1e-4, `bucket ${bucket}, value ${index}`);
      }
    }
  }
});

test('vectors, and matrices that are no longer than their factors, are summed as they are', () => {
  const workers = workersOf(1);
  const [applied = []] = exchange(workers, 0);
  const dense = sums(Array.from({ length: replicas }, (_, replica) => gradients(0, replica)));
  sameBits(applied[0]?.subarray(0, 7), at(dense, 0).subarray(0, 7));
  sameBits(applied[1], at(dense, 1));
  sameBits(applied[2]?.subarray(180, 184), at(dense, 2).subarray(180, 184));
  for (const buckets of kept(workers).values()) {
    assert.ok(
      [...at(buckets, 0).subarray(0, 7), ...at(buckets, 1), ...at(buckets, 2).subarray(180, 184)].every((v) => v === 0),
    );
  }
});

test('a sum of that rank comes back whole in one step', () => {
  // Each replica has a part of rank 1 in the same two directions.
  const lowRank = (step: number, replica: number): Buckets => {
    const made = gradients(step, replica);
    for (const [bucket, start, rows, columns] of [
      [0, 7, 9, 8],
      [2, 0, 18, 10],
      [2, 184, 12, 6],
    ] as const) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const value = Math.sin(row) * Math.cos(column) * (replica + 1) + (row - 3) * (column - replica);
          at(made, bucket)[start + row * columns + column] = value;
        }
      }
    }
    return made;
  };
  const [applied = []] = exchange(workersOf(1), 0, lowRank);
  const dense = sums(Array.from({ length: replicas }, (_, replica) => lowRank(0, replica)));
  for (const [bucket, values] of dense.entries()) {
    for (const [index, value] of values.entries()) {
      assert.ok(Math.abs(at(at(applied, bucket), index) - value) < 2e-3, `bucket ${bucket}, value ${index}`);
    }
  }
});

test('every worker gets the same bits, the same for any number of workers', () => {
  const expected = workersOf(1);
  const others = [2, 3, 4].map(workersOf);
  for (let step = 0; step < 4; step++) {
    const [alone = []] = exchange(expected, step);
    for (const workers of others) {
      for (const applied of exchange(workers, step))
        for (const [b, values] of applied.entries()) sameBits(values, at(alone, b));
      assert.deepEqual(kept(workers), kept(expected));
    }
  }
});

test('replicas that move take what they kept back along: training goes on with the same bits', () => {
  const before = workersOf(3);
  for (let step = 0; step < 3; step++) exchange(before, step);
  const after = workersOf(2);
  for (const worker of after) {
    worker.setResiduals(kept(before));
    worker.setDirections(at(before, 0).directions());
  }
  const [expected = []] = exchange(before, 3);
  const [applied = []] = exchange(after, 3);
  for (const [bucket, values] of applied.entries()) sameBits(values, at(expected, bucket));
});

test('gradients that are zero leave zeros, and later ones are found all the same', () => {
  const workers = workersOf(1);
  const [applied = []] = exchange(workers, 0, () => lengths.map((length) => new Float32Array(length)));
  assert.ok(applied.every((values) => values.every((value) => value === 0)));
  const [later = []] = exchange(workers, 1);
  assert.ok(
    at(later, 0)
      .subarray(7)
      .every((value) => value !== 0),
  );
});

test('as many values are sent as are announced, fewer than there are', () => {
  const [worker] = workersOf(1) as [PowerSgd];
  assert.deepEqual(worker.firstLengths, [7 + 9 * rank, 5, 18 * rank + 12 * rank + 4]);
  assert.deepEqual(worker.secondLengths, [8 * rank, 10 * rank + 6 * rank]);
  const sent = gradients(0, 0).map((values, bucket) => worker.compress(0, bucket, values).length);
  assert.deepEqual(sent, worker.firstLengths);
  worker.reduceLeft(worker.firstLengths.map((length) => new Float32Array(length)));
  assert.deepEqual(
    [...worker.factors(0)].map(({ length }) => length),
    worker.secondLengths,
  );
});

test('a model that has nothing to factorize, and a state of another one, are refused', () => {
  const refused = (act: () => unknown, code: string, message: RegExp) =>
    assert.throws(act, (error) => error instanceof LockstepError && error.code === code && message.test(error.message));
  const of = (changes: Partial<PowerSgdOptions>) => new PowerSgd({ ...options, ...changes });
  refused(() => of({ shapes: [[[7], [3, 3]]] }), 'config/invalid', /powersgd:2: no weight of this model/);
  const worker = of({});
  const directions = worker.directions();
  refused(() => worker.setDirections([]), 'checkpoint/mismatch', /of 16, 20, 12 expected/);
  refused(() => worker.setResiduals(new Map()), 'checkpoint/mismatch', /replica 0 kept back: none are there/);
  assert.deepEqual(worker.directions(), directions);
});
