import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicClock } from '../../shared/core/index.ts';
import { MemoryNetwork, type WireFormat, type WireValues } from '../../worker/collective/index.ts';
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

test('a peer with another wire format is refused', async () => {
  const links = twoRanks(new Float32Array(64), ['bfloat16', 'float32']);
  await assert.rejects(
    links.pull(1, { ...chunk, start: 0, end: 8 }, () => assert.fail('values were delivered')),
    /asked for bfloat16 values in a generation of float32 values/,
  );
  links.close();
});
