import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planBuckets } from '../../worker/engine/plan-buckets.ts';

const lengths = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 40 });
const bucketBytes = fc.integer({ min: 1, max: 40_000 });

test('every weight is in exactly one bucket, the last one first', () => {
  fc.assert(
    fc.property(lengths, bucketBytes, (weights, bytes) => {
      const members = planBuckets(weights, bytes).flatMap((bucket) => bucket.members);
      assert.deepEqual(members, [...weights.keys()].reverse());
    }),
  );
});

test('a bucket is as long as its members together', () => {
  fc.assert(
    fc.property(lengths, bucketBytes, (weights, bytes) => {
      for (const { members, length } of planBuckets(weights, bytes)) {
        assert.equal(
          length,
          members.reduce((sum, member) => sum + (weights[member] ?? Number.NaN), 0),
        );
      }
    }),
  );
});

test('a bucket is closed by the member with which it reaches its size, and only the last bucket may stay smaller', () => {
  fc.assert(
    fc.property(lengths, bucketBytes, (weights, bytes) => {
      const buckets = planBuckets(weights, bytes);
      for (const [index, { members, length }] of buckets.entries()) {
        const last = weights[members.at(-1) ?? -1] ?? Number.NaN;
        assert.ok((length - last) * 4 < bytes, 'without its last member it was not full');
        assert.ok(length * 4 >= bytes || index === buckets.length - 1, 'full, or the last one');
      }
    }),
  );
});

test('a weight larger than a bucket has one of its own', () => {
  assert.deepEqual(planBuckets([10, 1000, 3], 400), [
    { members: [2, 1], length: 1003 },
    { members: [0], length: 10 },
  ]);
  assert.deepEqual(planBuckets([10, 1000, 300], 400), [
    { members: [2], length: 300 },
    { members: [1], length: 1000 },
    { members: [0], length: 10 },
  ]);
});
