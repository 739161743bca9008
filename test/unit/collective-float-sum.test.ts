import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addValues } from '../../worker/collective/add-values.ts';
import { sameBits } from '../support/reference-sum.ts';

const lengths = fc.oneof(fc.nat(40), fc.constantFrom(8191, 8192, 8193, 16_384, 20_000));
/** Any bits: subnormal, infinite, signed zeros; what is no number is made one NaN, whose bits nobody promises. */
const floats = (length: number, seed: number): Float32Array => {
  const words = new Uint32Array(length).map(
    (_, i) => Math.imul(i + 1, 2_654_435_761) ^ Math.imul(seed + i, 40_503 * 65_537),
  );
  return new Float32Array(words.buffer).map((value) => (Number.isNaN(value) ? 1 : value));
};

test('sums have the bits of JavaScript’s own, for any length, place and target', () => {
  fc.assert(
    fc.property(
      lengths,
      fc.nat(3),
      fc.nat(),
      fc.constantFrom('left', 'right', 'apart'),
      (length, shift, seed, target) => {
        const left = floats(length + shift, seed).subarray(shift);
        const right = floats(length + 7, seed + 1).subarray(7);
        const expected = left.map((value, i) => {
          const sum = Math.fround(value + (right[i] as number));
          return Number.isNaN(sum) ? 0 : sum;
        });
        const into = target === 'left' ? left : target === 'right' ? right : new Float32Array(length);
        addValues(into, left, right);
        sameBits(
          into.map((sum) => (Number.isNaN(sum) ? 0 : sum)),
          expected,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('what lies beside the arrays stays as it was', () => {
  const whole = new Float32Array(20).fill(5);
  addValues(whole.subarray(3, 10), whole.subarray(3, 10), new Float32Array(7).fill(1));
  assert.deepEqual([...whole], [5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]);
});
