import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { lockstep } from '../../proto/generated/lockstep.js';
import { at, LockstepError, RandomStream } from '../../shared/core/index.ts';
import { toBuffer } from '../../shared/rpc/index.ts';
import { type Algorithm, algorithms } from '../../worker/collective/index.ts';
import { decodeSegment, sparseSegmentMessage } from '../../worker/collective/segment-codec.ts';
import { fromSparse, toSparse } from '../../worker/collective/sparse-values.ts';
import { close, makeWorld, randomLanes, type World } from '../support/collective-world.ts';
import { referenceSum, sameBits } from '../support/reference-sum.ts';

const header = { generation: 1, step: 2, bucket: 3, stage: 0, offset: 4 };
const bytesOf = (entries: Uint32Array) => new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength);

/** `length` values of which `count` are not zero, some of them minus zero, infinite or no number. */
function sparseRow(length: number, count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed);
  const values = new Float32Array(length);
  const special = [-0, Number.NaN, Number.POSITIVE_INFINITY, 1e-42];
  for (let index = 0; index < count; index++) {
    values[random.below(length)] = random.below(5) === 0 ? at(special, random.below(4)) : random.normal();
  }
  return values;
}

const rows = fc.record({ length: fc.integer({ min: 1, max: 500 }), count: fc.nat(100), seed: fc.nat() });

test('a row with few values comes back bit by bit through a segment, in at most half the bytes', () => {
  fc.assert(
    fc.property(rows, ({ length, count, seed }) => {
      const values = sparseRow(length, count, seed);
      const entries = toSparse(values);
      const filled = new Uint32Array(values.buffer).filter((bits) => bits !== 0).length;
      assert.equal(entries === undefined, filled > length / 4);
      if (entries === undefined) return;
      assert.ok(entries.byteLength <= values.byteLength / 2);
      const bytes = toBuffer(sparseSegmentMessage(header, entries, length));
      const { sparse, payload, shared, ...rest } = decodeSegment(bytes, 'float32', 'rank 1');
      assert.deepEqual([rest, payload.length, shared, sparse?.values], [header, 0, undefined, length]);
      sameBits(fromSparse(sparse?.entries ?? new Uint8Array(), length, 'rank 1'), values);
      const other = lockstep.v1.Segment.decode(bytes);
      assert.deepEqual([other.sparseValues, other.payload.length], [length, entries.byteLength]);
      assert.equal(other.checksum, crc32(bytesOf(entries)));
    }),
  );
});

test('entries that no sender writes are corrupt', () => {
  const refused = (entries: readonly number[], length: number, message: RegExp) =>
    assert.throws(
      () => fromSparse(bytesOf(Uint32Array.from(entries)), length, 'rank 1'),
      (error) => error instanceof LockstepError && error.code === 'collective/corrupt' && message.test(error.message),
    );
  refused([1, 2, 3], 9, /12 bytes for 9 values/);
  refused([0, 1, 2, 3], 1, /16 bytes for 1 values/);
  refused([9, 5], 9, /index 9 after -1 of 9 values/);
  refused([4, 4, 1, 1], 9, /index 4 after 4/);
  refused([4, 3, 1, 1], 9, /index 3 after 4/);
  const entries = Uint32Array.of(0, 5);
  const message = toBuffer(sparseSegmentMessage(header, entries, 10));
  assert.throws(() => decodeSegment(message, 'bfloat16', 'rank 1'), /10 sparse values of bfloat16/);
});

const lengths = [4001, 3];
const replicas = 7;

function leaf(step: number, replica: number, bucket: number): Float32Array {
  const values = sparseRow(at(lengths, bucket), bucket === 0 ? 40 : 3, step * 1000 + replica * 10 + bucket);
  // Not every bit of what is no number outlives an addition.
  return values.map((value) => (Number.isFinite(value) ? value : 1));
}

const replicaNumbers = Array.from({ length: replicas }, (_, replica) => replica);

async function checkStep(world: World, step: number): Promise<void> {
  for (const [rank, { start, end }] of world.hosted.entries()) {
    for (const replica of replicaNumbers.slice(start, end)) {
      for (const bucket of lengths.keys()) {
        world.ranks[rank]?.contribute(step, replica, bucket, leaf(step, replica, bucket));
      }
    }
  }
  const expected = lengths.map((_, bucket) => referenceSum(replicaNumbers.map((one) => leaf(step, one, bucket))));
  for (const rank of world.ranks) {
    const result = await rank.result(step);
    for (const [bucket, values] of expected.entries()) sameBits(result[bucket], values);
  }
}

/** Bytes that all workers received in three steps, whose sums are right. */
async function bytesReceived(workers: number, algorithm: Algorithm, sparse: boolean): Promise<number> {
  const schedule = randomLanes(new RandomStream(workers));
  const sizes = { workers, replicas, bucketLengths: lengths, segmentBytes: 1024 };
  const world = makeWorld({ ...sizes, algorithm, sparse, schedule });
  for (let step = 0; step < 3; step++) await checkStep(world, step);
  const received = world.transports.reduce((sum, { bytes }) => sum + bytes.received, 0);
  close(world);
  return received;
}

for (const algorithm of algorithms) {
  test(`sums of sparse gradients have the bits of dense ones for any placement, in fewer bytes: ${algorithm}`, async () => {
    for (const workers of [1, 2, 3, 5]) {
      const dense = await bytesReceived(workers, algorithm, false);
      const sparse = await bytesReceived(workers, algorithm, true);
      assert.ok(workers === 1 || sparse < dense / 2, `${workers} workers: ${sparse} of ${dense} bytes`);
    }
  });
}
