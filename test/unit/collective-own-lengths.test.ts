import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RandomStream } from '../../shared/core/index.ts';
import { close, contribute, expected, makeWorld, randomLanes } from '../support/collective-world.ts';
import { sameBits } from '../support/reference-sum.ts';

test('steps of different lengths are summed as fixed ones are, whoever comes first', async () => {
  const worlds = fc.record({
    replicas: fc.integer({ min: 1, max: 8 }),
    workersBelow: fc.nat(7),
    steps: fc.array(fc.array(fc.nat(40), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
  await fc.assert(
    fc.asyncProperty(worlds, async ({ replicas, workersBelow, steps, seed }) => {
      const workers = 1 + (workersBelow % replicas);
      const random = new RandomStream(seed);
      const world = makeWorld({ workers, replicas, bucketLengths: null, schedule: randomLanes(random) });
      await Promise.all(
        world.ranks.map(async (allreduce, rank) => {
          for (const [step, lengths] of steps.entries()) {
            for (let turns = random.below(40); turns > 0; turns--) await Promise.resolve();
            allreduce.begin(step, lengths);
            contribute(world, lengths, rank, step, seed);
            const result = await allreduce.result(step);
            for (const [bucket, values] of expected(lengths, replicas, step, seed).entries()) {
              sameBits(result[bucket], values);
            }
          }
        }),
      );
      close(world);
    }),
    { numRuns: 60 },
  );
});

test('another length on another rank is refused with both ranks', async () => {
  const world = makeWorld({ workers: 2, replicas: 2, bucketLengths: null });
  for (const [rank, length] of [10, 30].entries()) {
    world.ranks[rank]?.begin(0, [length]);
    contribute(world, [length], rank, 0, 1);
  }
  const results = await Promise.allSettled(world.ranks.map((rank) => rank.result(0)));
  const failed = results.filter((result) => result.status === 'rejected');
  assert.ok(failed.length > 0);
  for (const { reason } of failed) assert.match(String(reason), /rank|stream/);
  close(world);
});
