import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  epochOfStep,
  filledMicrosteps,
  microstepBatchSize,
  Permutation,
  type SamplingPlan,
  Schedule,
  samplesInStep,
  stepsPerEpoch,
} from '../../shared/sampling/index.ts';

function order(size: number, seed: number, epoch: number): number[] {
  const permutation = new Permutation(size, seed, epoch);
  return Array.from({ length: size }, (_, position) => permutation.at(position));
}

test('a permutation of any size from 1 to 500 holds every number once', () => {
  for (let size = 1; size <= 500; size++) {
    const seen = new Set(order(size, size * 31, size % 7));
    assert.equal(seen.size, size);
    assert.ok(
      [...seen].every((value) => value >= 0 && value < size),
      `size ${size} stays in range`,
    );
  }
});

test('a permutation is a function of size, seed and epoch, and differs by seed and by epoch', () => {
  fc.assert(
    fc.property(fc.integer({ min: 50, max: 500 }), fc.nat(), fc.nat({ max: 1000 }), (size, seed, epoch) => {
      assert.deepEqual(order(size, seed, epoch), order(size, seed, epoch));
      assert.notDeepEqual(order(size, seed, epoch), order(size, seed + 1, epoch));
      assert.notDeepEqual(order(size, seed, epoch), order(size, seed, epoch + 1));
    }),
  );
});

test('a permutation mixes: the first sample goes everywhere over the epochs, and order is not kept', () => {
  const size = 64;
  const places = new Array<number>(size).fill(0);
  let kept = 0;
  for (let epoch = 0; epoch < 6400; epoch++) {
    const permutation = new Permutation(size, 3, epoch);
    const first = permutation.at(0);
    places[first] = (places[first] ?? 0) + 1;
    if (permutation.at(1) === first + 1) kept++;
  }
  // 100 expected in each place with a deviation of 10; 5 deviations. Neighbours stay neighbours in 1 of 64.
  assert.ok(Math.min(...places) > 50 && Math.max(...places) < 150, `${Math.min(...places)} to ${Math.max(...places)}`);
  assert.ok(kept > 50 && kept < 150, `${kept} of 6400 neighbours kept`);
});

test('a permutation of 2⁵² elements costs no memory and stays in range', () => {
  const size = 2 ** 52;
  const permutation = new Permutation(size, 1, 0);
  const values = Array.from({ length: 1000 }, (_, index) => permutation.at(index * 4_503_599_627_370));
  assert.equal(new Set(values).size, values.length);
  assert.ok(values.every((value) => Number.isSafeInteger(value) && value >= 0 && value < size));
  assert.ok(
    values.some((value) => value > size / 2),
    'the upper half is reached',
  );
});

const plans: fc.Arbitrary<SamplingPlan> = fc
  .record({
    samples: fc.integer({ min: 1, max: 300 }),
    replicas: fc.integer({ min: 1, max: 9 }),
    rows: fc.integer({ min: 1, max: 8 }),
    accumulate: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
    shuffle: fc.boolean(),
  })
  .map(({ rows, ...plan }) => ({ ...plan, globalBatchSize: rows * plan.replicas * plan.accumulate }));

test('an epoch covers each sample exactly once, for any number of replicas, any batch size and any accumulation', () => {
  fc.assert(
    fc.property(plans, fc.nat({ max: 4 }), (plan, epoch) => {
      const schedule = new Schedule(plan);
      const perEpoch = stepsPerEpoch(plan);
      const seen: number[] = [];
      for (let step = epoch * perEpoch; step < (epoch + 1) * perEpoch; step++) {
        let real = 0;
        for (let microstep = 0; microstep < (plan.accumulate ?? 1); microstep++) {
          for (let replica = 0; replica < plan.replicas; replica++) {
            const batch = schedule.replicaBatch(step, replica, microstep);
            assert.equal(batch.rows, microstepBatchSize(plan) / plan.replicas);
            assert.ok(batch.indices.length <= batch.rows);
            assert.ok(
              microstep === 0 || batch.indices.length > 0 === microstep < filledMicrosteps(plan, step, replica),
            );
            seen.push(...batch.indices);
            real += batch.indices.length;
          }
        }
        assert.equal(real, samplesInStep(plan, step));
        assert.deepEqual(epochOfStep(plan, step), { epoch, stepInEpoch: step - epoch * perEpoch });
      }
      const all = Array.from({ length: plan.samples }, (_, index) => index);
      if (plan.shuffle) seen.sort((a, b) => a - b);
      assert.deepEqual(seen, all);
    }),
  );
});

test('the same samples are in a step whatever the number of replicas, in the same order', () => {
  const step = 5;
  const samplesOf = (replicas: number): number[] => {
    const schedule = new Schedule({ samples: 100, globalBatchSize: 24, replicas, seed: 9, shuffle: true });
    return Array.from({ length: replicas }, (_, replica) => schedule.replicaBatch(step, replica).indices).flat();
  };
  assert.equal(samplesOf(1).length, 24);
  for (const replicas of [2, 3, 4, 6, 24]) assert.deepEqual(samplesOf(replicas), samplesOf(1));
});

test('a step of several microsteps holds the batches of as many steps without accumulation, in their order', () => {
  const one = { samples: 100, globalBatchSize: 12, replicas: 3, seed: 9, shuffle: true };
  const plain = new Schedule(one);
  const accumulating = new Schedule({ ...one, globalBatchSize: 24, accumulate: 2 });
  // In the second epoch too, though epochs of 100 samples have 9 steps of 12, and 5 of 24.
  for (const [step, batch] of [
    [0, 0],
    [3, 6],
    [4, 8],
    [5, 9],
    [8, 15],
  ] as const) {
    for (const replica of [0, 1, 2]) {
      for (const microstep of [0, 1]) {
        if (step === 4 && microstep === 1) continue;
        const expected = plain.replicaBatch(batch + microstep, replica);
        assert.deepEqual(accumulating.replicaBatch(step, replica, microstep), expected);
      }
    }
  }
});

test('the last, short step is shared out in order: full replicas, one partly filled, then empty ones', () => {
  const schedule = new Schedule({ samples: 21, globalBatchSize: 12, replicas: 4, seed: 1, shuffle: false });
  const lengths = [0, 1, 2, 3].map((replica) => schedule.replicaBatch(1, replica).indices.length);
  assert.deepEqual(lengths, [3, 3, 3, 0]);
  assert.deepEqual(schedule.replicaBatch(1, 2), { rows: 3, indices: [18, 19, 20] });
  assert.deepEqual(schedule.replicaBatch(1, 3), { rows: 3, indices: [] });
  const shorter = new Schedule({ samples: 17, globalBatchSize: 12, replicas: 4, seed: 1, shuffle: false });
  assert.deepEqual(shorter.replicaBatch(1, 1), { rows: 3, indices: [15, 16] });
});

test('a batch larger than the data set is one short step per epoch', () => {
  const plan = { samples: 5, globalBatchSize: 64, replicas: 2, seed: 1, shuffle: true };
  assert.equal(stepsPerEpoch(plan), 1);
  assert.deepEqual(epochOfStep(plan, 7), { epoch: 7, stepInEpoch: 0 });
  const schedule = new Schedule(plan);
  assert.deepEqual([...schedule.replicaBatch(7, 0).indices].sort(), [0, 1, 2, 3, 4]);
  assert.deepEqual(schedule.replicaBatch(7, 1).indices, []);
});

test('an earlier epoch can be asked for again after a later one', () => {
  const schedule = new Schedule({ samples: 40, globalBatchSize: 8, replicas: 1, seed: 2, shuffle: true });
  const before = schedule.replicaBatch(1, 0);
  schedule.replicaBatch(13, 0);
  assert.deepEqual(schedule.replicaBatch(1, 0), before);
});
