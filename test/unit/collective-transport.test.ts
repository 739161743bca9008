import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicClock } from '../../shared/core/index.ts';
import type { PullRequest } from '../../shared/rpc/index.ts';
import { createAllreduce, MemoryNetwork, type WireFormat, type WireValues } from '../../worker/collective/index.ts';
import { PeerWaits } from '../../worker/collective/peer-waits.ts';
import { PullClient } from '../../worker/collective/pull-client.ts';
import { SegmentPool } from '../../worker/collective/segment-pool.ts';
import type { ChunkSource, PeerLinks } from '../../worker/collective/transport.ts';

const segmentValues = 7;

/** Rank 1 serves `values`; rank 0 pulls. */
function twoRanks(values: WireValues, wires: readonly [WireFormat, WireFormat]): PeerLinks {
  const network = new MemoryNetwork();
  const members = [0, 1].map((rank) => {
    return { rank, workerId: `w-${rank}`, host: 'h', address: `w-${rank}`, replicas: { start: rank, end: rank + 1 } };
  });
  const transports = members.map(({ workerId }) => network.attach(workerId));
  const links = transports.map((transport, rank) => {
    const source: ChunkSource = {
      runId: 'run',
      generation: 4,
      wire: wires[rank] as WireFormat,
      segmentValues,
      read: (_, __, start, end) => values.subarray(start, end),
    };
    return transport.join({ source, rank, members, segmentTimeoutMs: 5_000, clock: monotonicClock });
  });
  return links[0] as PeerLinks;
}

const chunk = { step: 3, bucket: 0, stage: 'gather', node: { start: 0, end: 2 } } as const;

for (const wire of ['float32', 'bfloat16'] as const) {
  test(`${wire} values arrive as they were, whatever the segments’ size`, async () => {
    const all = Array.from({ length: 50 }, (_, index) => index * 100);
    const values = wire === 'float32' ? new Float32Array(all) : new Uint16Array(all);
    const links = twoRanks(values, [wire, wire]);
    const got = values.slice().fill(0);
    const starts: number[] = [];
    await links.pull(1, { ...chunk, start: 3, end: 48 }, (start, segment) => {
      starts.push(start);
      assert.equal(segment.constructor, values.constructor);
      got.set(segment, start);
    });
    assert.deepEqual(starts, [3, 10, 17, 24, 31, 38, 45]);
    assert.deepEqual(got.subarray(3, 48), values.subarray(3, 48));
    links.close();
  });
}

test('requests of one turn are one message, those before the stream is open also', async () => {
  const client = new PullClient({
    ...{ rank: 0, segmentValues, segmentTimeoutMs: 60_000, clock: monotonicClock },
    peer: { rank: 1, workerId: 'w-1', host: 'h', address: 'w-1', replicas: { start: 1, end: 2 } },
    sender: { runId: 'run', generation: 4, workerId: 'w-0', wire: 'float32' },
    pool: new SegmentPool('float32', 4 * segmentValues),
    waits: new PeerWaits(monotonicClock),
  });
  const sent: PullRequest[] = [];
  const ask = (bucket: number) => void client.pull({ ...chunk, bucket, start: 0, end: 1 }, () => {}).catch(() => {});
  for (const bucket of [0, 1, 2]) ask(bucket);
  await Promise.resolve();
  client.start((request) => sent.push(request));
  for (const bucket of [3, 4]) ask(bucket);
  await Promise.resolve();
  ask(5);
  await Promise.resolve();
  const buckets = sent.map(({ bucket, more }) => [bucket, ...(more ?? []).map((request) => request.bucket)]);
  assert.deepEqual(buckets, [[0, 1, 2], [3, 4], [5]]);
  client.closed(null);
});

test('a peer with another wire format is refused', async () => {
  const links = twoRanks(new Float32Array(64), ['bfloat16', 'float32']);
  await assert.rejects(
    links.pull(1, { ...chunk, start: 0, end: 8 }, () => assert.fail('values were delivered')),
    /asked for bfloat16 values in a generation of float32 values/,
  );
  links.close();
});

test('the others’ waits name the slow worker, and not those that wait for it as well', async () => {
  let nowMs = 0;
  const clock = { now: () => nowMs };
  const network = new MemoryNetwork({ clock });
  const workers = 3;
  const members = Array.from({ length: workers }, (_, rank) => {
    return { rank, workerId: `w-${rank}`, host: 'h', address: `w-${rank}`, replicas: { start: rank, end: rank + 1 } };
  });
  const transports = members.map(({ workerId }) => network.attach(workerId));
  const ranks = transports.map((transport, rank) =>
    createAllreduce({
      ...{ runId: 'run', generation: 1, rank, members, replicas: workers, bucketLengths: [12], transport },
      ...{ algorithm: 'direct', segmentBytes: 16, segmentTimeoutMs: 60_000, clock: monotonicClock },
    }),
  );
  for (let step = 0; step < 3; step++) {
    const contribute = (rank: number) => ranks[rank]?.contribute(step, rank, 0, new Float32Array(12));
    contribute(0);
    contribute(1);
    await new Promise(setImmediate);
    nowMs += 2_000;
    assert.equal(transports[0]?.waits.seconds().get('w-2'), (step + 1) * 2, 'a wait that goes on is told');
    contribute(2);
    await Promise.all(ranks.map((rank) => rank.result(step)));
  }
  const seconds = transports.map(({ waits }) => Object.fromEntries(waits.seconds()));
  assert.deepEqual(seconds, [
    { 'w-1': 0, 'w-2': 6 },
    { 'w-0': 0, 'w-2': 6 },
    { 'w-0': 0, 'w-1': 0 },
  ]);
  for (const rank of ranks) rank.close();
});
