import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RandomStream, type Range, splitEvenly } from '../../shared/core/index.ts';
import { algorithms } from '../../worker/collective/index.ts';
import { close, contribute, expected, makeWorld, randomLanes } from '../support/collective-world.ts';
import { sameBits } from '../support/reference-sum.ts';

/** Any partition of any number of replicas, with ranks on any hosts, however these are mixed. */
const placements = fc.integer({ min: 1, max: 24 }).chain((replicas) =>
  fc
    .record({
      cuts: fc.uniqueArray(fc.integer({ min: 1, max: Math.max(1, replicas - 1) }), { maxLength: replicas - 1 }),
      hostCount: fc.integer({ min: 1, max: 5 }),
      hostSeed: fc.nat(),
    })
    .map(({ cuts, hostCount, hostSeed }) => {
      const bounds = [0, ...cuts.filter((cut) => cut < replicas).sort((a, b) => a - b), replicas];
      const hosted = bounds.slice(1).map((end, index): Range => ({ start: bounds[index] as number, end }));
      const random = new RandomStream(hostSeed);
      return { replicas, hosted, hosts: hosted.map(() => `host${random.below(hostCount)}`) };
    }),
);

const wires = ['float32', 'bfloat16'] as const;

for (const [algorithm, wire] of algorithms.flatMap((name) => wires.map((format) => [name, format] as const))) {
  test(`${algorithm}, ${wire}: the worker counts 1, 2, 3, 4, 5, 7 and 8 give the bits of the canonical sum`, async () => {
    const lengths = [203, 1, 16, 2, 9];
    // The last ones are sums that must stay exact among those that are rounded.
    const bucketFormats = lengths.map((_, bucket) => (bucket < 3 ? wire : 'float32'));
    for (const workers of [1, 2, 3, 4, 5, 7, 8]) {
      for (const replicas of [workers, 8, 13]) {
        const hosts = splitEvenly(workers, Math.min(workers, 3)).flatMap(({ start, end }, host) =>
          Array.from({ length: end - start }, () => `host${host}`),
        );
        const options = { algorithm, workers, replicas, hosts, bucketFormats, segmentBytes: 24 };
        const world = makeWorld({ ...options, bucketLengths: lengths });
        for (let rank = 0; rank < workers; rank++) contribute(world, lengths, rank, 0, 5);
        for (const rank of world.ranks) {
          const result = await rank.result(0);
          const want = expected(lengths, replicas, 0, 5, bucketFormats);
          for (const [bucket, values] of want.entries()) sameBits(result[bucket], values);
        }
        close(world);
      }
    }
  });

  test(`${algorithm}, ${wire}: no placement, bucket layout, segment size or order of deliveries changes a bit`, async () => {
    const worlds = fc.record({
      placement: placements,
      lengths: fc.array(fc.nat(80), { minLength: 1, maxLength: 4 }),
      exact: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      segmentBytes: fc.integer({ min: 4, max: 120 }),
      seed: fc.integer({ min: 0, max: 2 ** 31 }),
    });
    await fc.assert(
      fc.asyncProperty(worlds, async ({ placement, lengths, exact, segmentBytes, seed }) => {
        const bucketFormats = lengths.map((_, bucket) => (exact[bucket] === true ? 'float32' : wire));
        const random = new RandomStream(seed);
        const schedule = randomLanes(random);
        const options = {
          ...placement,
          algorithm,
          workers: placement.hosted.length,
          segmentBytes,
          schedule,
          bucketFormats,
        };
        const world = makeWorld({ ...options, bucketLengths: lengths });
        await Promise.all(
          world.ranks.map(async (allreduce, rank) => {
            for (let step = 0; step < 3; step++) {
              for (let turns = random.below(40); turns > 0; turns--) await Promise.resolve();
              contribute(world, lengths, rank, step, seed);
              const result = await allreduce.result(step);
              const want = expected(lengths, placement.replicas, step, seed, bucketFormats);
              for (const [bucket, values] of want.entries()) {
                sameBits(result[bucket], values);
                assert.equal(result[bucket]?.byteLength, result[bucket]?.buffer.byteLength);
              }
            }
          }),
        );
        close(world);
      }),
      { numRuns: 40 },
    );
  });
}
