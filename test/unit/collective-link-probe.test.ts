import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../shared/core/index.ts';
import { close, contribute, expected, makeWorld } from '../support/collective-world.ts';
import { sameBits } from '../support/reference-sum.ts';

const lengths = [203, 1];

/** A clock on which everything takes some time, and never the same: every rank measures something else. */
function erraticClock(seed: number) {
  const random = new RandomStream(seed);
  let ms = 0;
  return { now: () => (ms += random.uniform(0.01, 5)) };
}

test('ranks that measure different figures choose the same algorithm, by rank 0’s word, and get the right sums', async () => {
  const measured = new Set<string>();
  for (let seed = 0; seed < 4; seed++) {
    const options = { algorithm: 'auto', workers: 6, replicas: 7, clock: erraticClock(seed) } as const;
    const hosts = ['a', 'a', 'b', 'b', 'b', 'c'];
    const world = makeWorld({ ...options, hosts, bucketLengths: lengths });
    const choices = await Promise.all(world.ranks.map(({ ready }) => ready));
    for (const choice of choices) assert.deepEqual(choice, choices[0]);
    const { costs, predictions, algorithm } = choices[0] ?? {};
    assert.equal(predictions?.[0]?.algorithm, algorithm);
    for (const link of [costs?.host, costs?.network]) {
      assert.ok(link !== undefined && Number.isFinite(link.bytesPerSecond) && link.latencySeconds >= 0);
    }
    measured.add(JSON.stringify(costs));
    for (const step of [0, 1, 2]) {
      for (let rank = 0; rank < 6; rank++) contribute(world, lengths, rank, step, seed);
      const results = await Promise.all(world.ranks.map((rank) => rank.result(step)));
      const want = expected(lengths, 7, step, seed);
      for (const result of results) for (const [bucket, values] of want.entries()) sameBits(result[bucket], values);
    }
    close(world);
  }
  assert.equal(measured.size, 4);
});

test('an algorithm that is given is not measured for, and a worker that is alone measures nothing', async () => {
  const given = makeWorld({ algorithm: 'halving', workers: 3, replicas: 3, bucketLengths: lengths });
  assert.deepEqual(await given.ranks[2]?.ready, { algorithm: 'halving', costs: null, predictions: [] });
  const alone = makeWorld({ algorithm: 'auto', workers: 1, replicas: 3, bucketLengths: lengths });
  assert.deepEqual(await alone.ranks[0]?.ready, { algorithm: 'direct', costs: null, predictions: [] });
  contribute(alone, lengths, 0, 0, 1);
  for (const [bucket, values] of expected(lengths, 3, 0, 1).entries()) {
    sameBits((await alone.ranks[0]?.result(0))?.[bucket], values);
  }
  close(given);
  close(alone);
});

test('steps with lengths of their own are each chosen for by the same figures', async () => {
  const world = makeWorld({ algorithm: 'auto', workers: 3, replicas: 3, bucketLengths: null, clock: erraticClock(5) });
  const choices = await Promise.all(world.ranks.map(({ ready }) => ready));
  for (const choice of choices) assert.deepEqual(choice, choices[0]);
  assert.equal(choices[0]?.algorithm, null);
  for (const rank of world.ranks) rank.begin(0, lengths);
  for (let rank = 0; rank < 3; rank++) contribute(world, lengths, rank, 0, 9);
  for (const rank of world.ranks) {
    const result = await rank.result(0);
    for (const [bucket, values] of expected(lengths, 3, 0, 9).entries()) sameBits(result[bucket], values);
  }
  close(world);
});

test('a peer that dies while links are measured ends the wait for the choice with its name', async () => {
  const world = makeWorld({
    algorithm: 'auto',
    workers: 3,
    replicas: 3,
    bucketLengths: lengths,
    clock: erraticClock(2),
  });
  world.network.kill('w-1');
  for (const rank of [0, 2]) {
    await assert.rejects(world.ranks[rank]?.ready ?? Promise.resolve(), { code: 'run/worker-lost', message: /w-1/ });
  }
  close(world);
});
