import assert from 'node:assert/strict';
import { test } from 'node:test';
import { algorithms, type WireFormat } from '../../worker/collective/index.ts';
import { startPeers, startTask } from '../support/collective-peers.ts';
import { contribution } from '../support/collective-worker.ts';
import { referenceSum, referenceSumInBfloat16 } from '../support/reference-sum.ts';

/** Uneven over every worker count, and over most of them not in whole subtrees. */
const replicas = 9;
/** Parts of the first one go through shared memory where they are large enough, the others over sockets. */
const bucketLengths = [9001, 3, 1000];
const segmentBytes = 20_000;

function expectedSums(wire: WireFormat): string[] {
  return bucketLengths.map((length, bucket) => {
    const leaves = Array.from({ length: replicas }, (_, replica) => contribution(0, replica, bucket, length));
    // The last bucket is one of those that stay exact beside rounded ones.
    const isRounded = wire === 'bfloat16' && bucket < bucketLengths.length - 1;
    const { buffer } = isRounded ? referenceSumInBfloat16(leaves) : referenceSum(leaves);
    return Buffer.from(buffer as ArrayBuffer).toString('hex');
  });
}

test('1, 2, 3, 4, 5, 7 and 8 processes get the bits of the canonical sum by every algorithm, in float32 and in bfloat16', async (t) => {
  const peers = await startPeers(t, 8);
  let generation = 0;
  for (const wire of ['float32', 'bfloat16'] as const) {
    const expected = expectedSums(wire);
    const bucketFormats = [wire, wire, 'float32'] as const;
    for (const algorithm of algorithms) {
      for (const workers of [1, 2, 3, 4, 5, 7, 8]) {
        const members = peers.slice(0, workers);
        const how = { algorithm, bucketLengths, bucketFormats, segmentBytes };
        const task = { ...how, generation: ++generation, segmentTimeoutMs: 60_000, steps: 1 };
        startTask(members, replicas, task, {}, (rank) => `host-${Math.floor(rank / 3)}`);
        for (const [rank, peer] of members.entries()) {
          const { buckets } = await peer.next('reduced');
          for (const [bucket, hex] of expected.entries()) {
            assert.ok(
              buckets[bucket] === hex,
              `${algorithm}, ${wire}, ${workers} processes: bucket ${bucket} of ${rank}`,
            );
          }
        }
      }
    }
  }
  assert.equal(generation, 42);
});
