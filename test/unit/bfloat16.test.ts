import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { roundToBfloat16, widenBfloat16 } from '../../shared/core/index.ts';
import { addValues } from '../../worker/collective/add-values.ts';
import { nearestBfloat16 } from '../support/reference-sum.ts';

const anyFloats = fc
  .array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 40 })
  .map((words) => new Float32Array(new Uint32Array(words).buffer));
const halves = fc.integer({ min: 0, max: 0xffff });
const quiet = (half: number) => ((half & 0x7fff) > 0x7f80 ? 0x7fc0 : half);

test('a float is rounded to the nearest bfloat16, in a tie to the even one', () => {
  fc.assert(
    fc.property(anyFloats, (values) => {
      assert.deepEqual(roundToBfloat16(values), Uint16Array.from(values, nearestBfloat16));
    }),
  );
  const round = (value: number) => widenBfloat16(roundToBfloat16(new Float32Array([value])))[0];
  assert.equal(round(1 + 2 ** -8), 1);
  assert.equal(round(1 + 3 * 2 ** -8), 1 + 2 ** -6);
  assert.equal(round(1 + 2 ** -8 + 2 ** -20), 1 + 2 ** -7);
});

test('what is too large becomes infinite, not-a-number stays that, zero keeps its sign, the smallest are kept', () => {
  const special = [Infinity, -Infinity, NaN, 0, -0, 3.4028234663852886e38, -3.4e38, 2 ** -133, 2 ** -149];
  const rounded = widenBfloat16(roundToBfloat16(new Float32Array(special)));
  assert.deepEqual([...rounded], [Infinity, -Infinity, NaN, 0, -0, Infinity, -Infinity, 2 ** -133, 0]);
  const signalling = new Float32Array(new Uint32Array([0x7f800001, 0xffffffff]).buffer);
  assert.deepEqual([...roundToBfloat16(signalling)], [0x7fc0, 0x7fc0]);
});

test('a bfloat16 goes through float32 unchanged', () => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, half) => half);
  assert.deepEqual(roundToBfloat16(widenBfloat16(all)), all.map(quiet));
});

test('a sum of two is the rounded sum, in either array, at any length and alignment', () => {
  const pairs = fc.array(fc.tuple(halves, halves), { maxLength: 33 });
  fc.assert(
    fc.property(pairs, fc.nat(3), fc.nat(3), fc.boolean(), (summands, leftOffset, rightOffset, intoLeft) => {
      const make = (offset: number, side: 0 | 1) => {
        const whole = new Uint16Array(offset + summands.length);
        whole.set(
          summands.map((pair) => pair[side]),
          offset,
        );
        return whole.subarray(offset);
      };
      const [left, right] = [make(leftOffset, 0), make(rightOffset, 1)];
      const [a, b] = [widenBfloat16(left), widenBfloat16(right)];
      addValues(intoLeft ? left : right, left, right);
      const expected = Uint16Array.from(a, (value, index) =>
        nearestBfloat16(Math.fround(value + (b[index] as number))),
      );
      assert.deepEqual(Uint16Array.from(intoLeft ? left : right), expected);
    }),
    { numRuns: 500 },
  );
});

test('every sum of a long row is the rounded one, also across blocks', () => {
  const length = 40_001;
  const [left, right] = [40_503, 2_654_435_761].map((factor) =>
    Uint16Array.from({ length }, (_, index) => Math.imul(index + 1, factor) >>> 13),
  ) as [Uint16Array, Uint16Array];
  const [a, b] = [widenBfloat16(left), widenBfloat16(right)];
  const expected = Uint16Array.from(a, (value, index) => nearestBfloat16(Math.fround(value + (b[index] as number))));
  addValues(left, left, right);
  assert.deepEqual(left, expected);
});
