import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LockstepError, RandomStream } from '../../shared/core/index.ts';
import type { GroupExchange } from '../../worker/collective/index.ts';
import { close, contribute, expected, makeWorld, randomLanes, type WorldOptions } from '../support/collective-world.ts';
import { sameBits } from '../support/reference-sum.ts';

function groupsOf(workers: number, options: Partial<WorldOptions> = {}) {
  const world = makeWorld({ workers, replicas: workers, bucketLengths: [10], ...options });
  return { world, groups: world.ranks.map(({ group }) => group) };
}

const randomBytes = (length: number, ...key: number[]): Uint8Array => {
  const random = new RandomStream(...key);
  return Uint8Array.from({ length }, () => random.below(256));
};

test('all-gather, broadcast and barrier give every rank all bytes, for any lengths, wire, and order of deliveries', async () => {
  const worlds = fc.record({
    workers: fc.integer({ min: 1, max: 7 }),
    lengths: fc.array(fc.nat(150), { minLength: 7, maxLength: 7 }),
    root: fc.nat(6),
    seed: fc.nat(),
    format: fc.constantFrom('float32' as const, 'bfloat16' as const),
  });
  await fc.assert(
    fc.asyncProperty(worlds, async ({ workers, lengths, root, seed, format }) => {
      const schedule = randomLanes(new RandomStream(seed));
      const { world, groups } = groupsOf(workers, { schedule, bucketFormats: [format] });
      const from = root % workers;
      const bytesOf = (rank: number, round: number) => randomBytes(lengths[rank] as number, seed, rank, round);
      await Promise.all(
        groups.map(async (group, rank) => {
          for (let round = 0; round < 3; round++) {
            const own = bytesOf(rank, round);
            const all = await group.allGather(own);
            // What was given is the caller's again.
            own.fill(0);
            assert.deepEqual(
              all,
              groups.map((_, other) => bytesOf(other, round)),
            );
            const sent = await group.broadcast(from, rank === from ? bytesOf(from, 9) : undefined);
            assert.deepEqual(Buffer.from(sent), Buffer.from(bytesOf(from, 9)));
            await group.barrier();
          }
        }),
      );
      close(world);
    }),
    { numRuns: 30 },
  );
});

test('nobody passes a barrier before the last one is there', async () => {
  const { world, groups } = groupsOf(3);
  let passed = 0;
  const first = groups.slice(0, 2).map((group) => group.barrier().then(() => passed++));
  for (let turns = 0; turns < 500; turns++) await Promise.resolve();
  assert.equal(passed, 0);
  await groups[2]?.barrier();
  await Promise.all(first);
  assert.equal(passed, 2);
  close(world);
});

const state = (seed: number) => [
  { name: 'dense/kernel', bytes: randomBytes(1003, seed, 1) },
  { name: 'dense/bias', bytes: randomBytes(4, seed, 2) },
  { name: 'empty', bytes: new Uint8Array() },
  { name: 'slot/dense/kernel/m', bytes: randomBytes(1000, seed, 3).subarray(1) },
];

const plain = (entries: readonly { name: string; bytes: Uint8Array }[]) =>
  entries.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes).toString('hex') }));

test('a joiner takes state from one peer or parts of it from several, also before it is offered', async () => {
  for (const ranks of [[0], [0, 1], [2, 0, 1]]) {
    const { world, groups } = groupsOf(4);
    const taken = (groups[3] as GroupExchange).takeState(812, ranks);
    for (let turns = 0; turns < 100; turns++) await Promise.resolve();
    for (const rank of ranks) groups[rank]?.offerState(812, state(5));
    assert.deepEqual(plain(await taken), plain(state(5)));
    close(world);
  }
});

test('state taken from three peers costs each of them a third', async () => {
  const bytes = randomBytes(30_000, 1);
  const sent = new Map<string, number>();
  const tamper = (message: Buffer, from: string) => {
    sent.set(from, (sent.get(from) ?? 0) + message.length);
    return message;
  };
  const { world, groups } = groupsOf(4, { segmentBytes: 1024, tamper });
  for (const rank of [0, 1, 2]) groups[rank]?.offerState(1, [{ name: 'w', bytes }]);
  await groups[3]?.takeState(1, [0, 1, 2]);
  for (const rank of [0, 1, 2]) {
    const count = sent.get(`w-${rank}`) ?? 0;
    assert.ok(count > 10_000 && count < 11_500, `rank ${rank} sent ${count}`);
  }
  close(world);
});

test('peers that offer different states are named, and nothing is taken', async () => {
  const { world, groups } = groupsOf(3);
  groups[0]?.offerState(7, state(1));
  groups[1]?.offerState(7, [...state(1).slice(0, 3), ...state(2).slice(3)]);
  await assert.rejects((groups[2] as GroupExchange).takeState(7, [0, 1]), {
    code: 'collective/corrupt',
    message: 'rank 2: item 4 of state round 7 of rank 1 is another one than that of rank 0 (generation 14)',
  });
  close(world);
});

test('a state of another version is not given, and a withdrawn one no more', async () => {
  const { world, groups } = groupsOf(2);
  groups[0]?.offerState(7, state(1));
  groups[0]?.withdrawState(7);
  groups[0]?.offerState(8, state(2));
  let settled = 0;
  const settle = () => settled++;
  groups[1]?.takeState(7, [0]).then(settle, settle);
  for (let turns = 0; turns < 500; turns++) await Promise.resolve();
  assert.equal(settled, 0);
  close(world);
});

test('a worker that dies or a generation that ends fails what waits, by name', async () => {
  const { world, groups } = groupsOf(3);
  const waiting = [groups[0]?.barrier(), groups[1]?.takeState(1, [2])];
  await Promise.resolve();
  world.network.kill('w-2');
  for (const wait of waiting) {
    await assert.rejects(wait as Promise<unknown>, (error: LockstepError) => {
      assert.equal(error.code, 'run/worker-lost');
      assert.match(error.message, /lost rank 2 \(worker w-2\) while it waited for item/);
      return true;
    });
  }
  const late = groups[0]?.takeState(2, [1]) as Promise<unknown>;
  close(world);
  await assert.rejects(late, { code: 'collective/stale' });
});

test('a byte that is altered on the way is never taken', async () => {
  let segments = 0;
  const tamper = (bytes: Buffer, from: string) => {
    if (from === 'w-0' && bytes.length > 60 && ++segments === 4) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 4;
    return bytes;
  };
  const { world, groups } = groupsOf(2, { tamper });
  groups[0]?.offerState(1, state(1));
  await assert.rejects((groups[1] as GroupExchange).takeState(1, [0]), {
    code: 'collective/corrupt',
    message: /^rank 0 \(worker w-0\) sent a corrupt segment/,
  });
  close(world);
});

test('a generation exchanges state first and sums afterwards', async () => {
  const { world, groups } = groupsOf(3, { bucketLengths: [40] });
  groups[0]?.offerState(0, state(3));
  await Promise.all(
    groups.map((group, rank) => (rank === 0 ? group.barrier() : group.takeState(0, [0]).then(() => group.barrier()))),
  );
  for (let rank = 0; rank < 3; rank++) contribute(world, [40], rank, 0, 1);
  for (const rank of world.ranks) {
    const [sum] = await rank.result(0);
    const [want] = expected([40], 3, 0, 1);
    assert.ok(want !== undefined);
    sameBits(sum, want);
  }
  close(world);
});
