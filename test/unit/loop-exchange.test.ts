import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromFloats, joinLength, splitLength, toFloats } from '../../worker/loop/float-bytes.ts';

test('any bytes come back from the floats that carry them, also summed with zeros', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const floats = toFloats(bytes).map((value) => value + 0);
      assert.deepEqual(fromFloats(floats, bytes.length), bytes);
    }),
  );
});

test('lengths come back from two numbers that float32 holds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 36 }), (length) => {
      const [low, high] = splitLength(length).map(Math.fround);
      assert.equal(joinLength(low ?? 0, high ?? 0), length);
    }),
  );
});
