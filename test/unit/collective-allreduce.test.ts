import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { type LockstepError, RandomStream } from '../../shared/core/index.ts';
import { createAllreduce, MemoryNetwork, type WireValues } from '../../worker/collective/index.ts';
import { close, contribute, expected, makeWorld, randomLanes } from '../support/collective-world.ts';
import { sameBits } from '../support/reference-sum.ts';

test('for 1 to 9 replicas every worker count gives all ranks the bits of the canonical sum', async () => {
  const lengths = [37, 1, 8, 64];
  for (let replicas = 1; replicas <= 9; replicas++) {
    const want = expected(lengths, replicas, 0, 5);
    for (let workers = 1; workers <= replicas; workers++) {
      const world = makeWorld({ workers, replicas, bucketLengths: lengths, segmentBytes: 16 });
      for (let rank = 0; rank < workers; rank++) contribute(world, lengths, rank, 0, 5);
      for (const rank of world.ranks) {
        const result = await rank.result(0);
        for (const [bucket, values] of want.entries()) sameBits(result[bucket], values);
      }
      close(world);
    }
  }
});

test('bucket layouts, segment sizes, several steps and deliveries in any order between streams change no bit', async () => {
  const worlds = fc.record({
    replicas: fc.integer({ min: 1, max: 9 }),
    workersBelow: fc.nat(8),
    lengths: fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }),
    segmentBytes: fc.integer({ min: 4, max: 120 }),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
  await fc.assert(
    fc.asyncProperty(worlds, async ({ replicas, workersBelow, lengths, segmentBytes, seed }) => {
      const workers = 1 + (workersBelow % replicas);
      const random = new RandomStream(seed);
      const schedule = randomLanes(random);
      const world = makeWorld({ workers, replicas, bucketLengths: lengths, segmentBytes, schedule });
      await Promise.all(
        world.ranks.map(async (allreduce, rank) => {
          for (let step = 3; step < 6; step++) {
            for (let turns = random.below(40); turns > 0; turns--) await Promise.resolve();
            contribute(world, lengths, rank, step, seed);
            const result = await allreduce.result(step);
            for (const [bucket, values] of expected(lengths, replicas, step, seed).entries()) {
              sameBits(result[bucket], values);
              assert.equal(result[bucket]?.byteLength, result[bucket]?.buffer.byteLength);
            }
          }
        }),
      );
      close(world);
    }),
    { numRuns: 60 },
  );
});

test('a contribution of the next step may come before this one is reduced', async () => {
  const lengths = [20];
  const world = makeWorld({ workers: 3, replicas: 7, bucketLengths: lengths });
  for (const step of [0, 1]) for (let rank = 0; rank < 3; rank++) contribute(world, lengths, rank, step, 1);
  for (const step of [0, 1]) {
    for (const rank of world.ranks)
      sameBits((await rank.result(step))[0], expected(lengths, 7, step, 1)[0] as WireValues);
  }
  close(world);
});

test('one worker reduces without sending anything', async () => {
  const network = new MemoryNetwork();
  const transport = network.attach('w-0');
  const allreduce = createAllreduce({
    runId: 'run',
    generation: 1,
    rank: 0,
    members: [{ rank: 0, workerId: 'w-0', host: 'h', address: 'w-0', replicas: { start: 0, end: 1 } }],
    replicas: 1,
    bucketLengths: [3],
    transport,
    algorithm: 'direct',
    segmentBytes: 64,
    segmentTimeoutMs: 5000,
    clock: { now: () => 0 },
  });
  const values = new Float32Array([1, -0, 3]);
  allreduce.contribute(0, 0, 0, values);
  assert.equal((await allreduce.result(0))[0], values);
  assert.deepEqual(transport.bytes, { sent: 0, received: 0 });
});

test('a corrupted byte is reported with the rank and worker that sent it', async () => {
  let segments = 0;
  const tamper = (bytes: Buffer, from: string) => {
    if (from === 'w-1' && bytes.length > 60 && ++segments === 2) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return bytes;
  };
  const world = makeWorld({ workers: 2, replicas: 2, bucketLengths: [100], tamper });
  for (const rank of [0, 1]) contribute(world, [100], rank, 0, 1);
  await assert.rejects(world.ranks[0]?.result(0) as Promise<unknown>, (error: LockstepError) => {
    assert.equal(error.code, 'collective/corrupt');
    assert.match(error.message, /^rank 1 \(worker w-1\) sent a corrupt segment .*checksum/);
    return true;
  });
  close(world);
});

test('a lost segment shows as a gap, not as wrong sums', async () => {
  let segments = 0;
  const tamper = (bytes: Buffer, from: string) =>
    from === 'w-1' && bytes.length > 60 && ++segments === 2 ? null : bytes;
  const world = makeWorld({ workers: 2, replicas: 2, bucketLengths: [200], tamper });
  for (const rank of [0, 1]) contribute(world, [200], rank, 0, 1);
  await assert.rejects(world.ranks[0]?.result(0) as Promise<unknown>, {
    code: 'collective/corrupt',
    message: /^rank 1 \(worker w-1\) sent bucket 0 byte 128 .* where bucket 0 bytes 64–128 .* was due/,
  });
  close(world);
});

test('a worker that dies fails the result of every other rank with its name', async () => {
  const world = makeWorld({ workers: 3, replicas: 3, bucketLengths: [10] });
  contribute(world, [10], 0, 7, 1);
  contribute(world, [10], 1, 7, 1);
  const results = [world.ranks[0]?.result(7), world.ranks[1]?.result(7)];
  await Promise.resolve();
  world.network.kill('w-2');
  for (const result of results) {
    await assert.rejects(result as Promise<unknown>, (error: LockstepError) => {
      assert.equal(error.code, 'run/worker-lost');
      assert.match(
        error.message,
        /^rank \d lost rank 2 \(worker w-2\) while it waited for bucket 0 .* of step 7 \(generation 14\)/,
      );
      assert.equal(error.details['workerId'], 'w-2');
      return true;
    });
  }
  close(world);
});

test('a request of an older generation is refused by name, one of a newer generation waits', async () => {
  const world = makeWorld({ workers: 2, replicas: 2, bucketLengths: [10], generations: { 0: 13, 1: 14 } });
  contribute(world, [10], 0, 0, 1);
  contribute(world, [10], 1, 0, 1);
  await assert.rejects(world.ranks[0]?.result(0) as Promise<unknown>, {
    code: 'collective/stale',
    message: /worker w-1 refused a request: it is at generation 14, the request is of generation 13/,
  });
  let settled = false;
  const settle = () => {
    settled = true;
  };
  world.ranks[1]?.result(0).then(settle, settle);
  for (let turns = 0; turns < 1000; turns++) await Promise.resolve();
  assert.equal(settled, false);
  close(world);
});

test('peers with other models refuse each other', async () => {
  const network = new MemoryNetwork();
  const members = [0, 1].map((rank) => ({
    rank,
    workerId: `w-${rank}`,
    host: 'h',
    address: `w-${rank}`,
    replicas: { start: rank, end: rank + 1 },
  }));
  const ranks = members.map(({ rank, workerId }) =>
    createAllreduce({
      runId: 'run',
      generation: 1,
      rank,
      members,
      replicas: 2,
      bucketLengths: [rank === 0 ? 10 : 12],
      transport: network.attach(workerId),
      algorithm: 'direct',
      segmentBytes: 64,
      segmentTimeoutMs: 5000,
      clock: { now: () => 0 },
    }),
  );
  for (const [rank, allreduce] of ranks.entries()) allreduce.contribute(0, rank, 0, new Float32Array(10 + 2 * rank));
  await assert.rejects(ranks[1]?.result(0) as Promise<unknown>, {
    code: 'collective/corrupt',
    message: /rank 1 \(worker w-1\) asked rank 0 for values 0–12 .* different models, memberships or calls/,
  });
  for (const rank of ranks) rank.close();
});

test('a silent peer is a timeout that names bucket, bytes, ranks, generation and step; a busy one is not', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.after(() => mock.timers.reset());
  let nowMs = 0;
  let silent = false;
  const tamper = (bytes: Buffer, from: string) => (silent && from === 'w-1' ? null : bytes);
  const world = makeWorld({ workers: 2, replicas: 2, bucketLengths: [100], tamper, clock: { now: () => nowMs } });
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 50) {
      nowMs += 50;
      mock.timers.tick(50);
      for (let turns = 0; turns < 20; turns++) await Promise.resolve();
    }
  };
  contribute(world, [100], 0, 812, 1);
  const outcomes: LockstepError[] = [];
  world.ranks[0]?.result(812).catch((error: LockstepError) => outcomes.push(error));
  // Rank 1 computes for a minute: it says so, and nobody loses patience.
  await pass(60_000);
  assert.equal(outcomes.length, 0);
  silent = true;
  await pass(5_500);
  assert.equal(outcomes[0]?.code, 'collective/timeout');
  assert.equal(
    outcomes[0]?.message,
    'rank 0 waited 5000 ms for bucket 0 bytes 0–64 from rank 1 (worker w-1) (generation 14, step 812)',
  );
  close(world);
});

test('a closed generation rejects what is unfinished, and closing twice is fine', async () => {
  const world = makeWorld({ workers: 2, replicas: 2, bucketLengths: [10] });
  contribute(world, [10], 0, 0, 1);
  const result = world.ranks[0]?.result(0) as Promise<unknown>;
  close(world);
  close(world);
  await assert.rejects(result, { code: 'collective/stale', message: /generation 14 is over/ });
});
