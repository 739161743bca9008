import assert from 'node:assert/strict';
import { RandomStream } from '../../shared/core/index.ts';

/** Floats of wildly different magnitudes and signs: another order of additions gives other bits. */
export function wildFloats(length: number, ...key: readonly number[]): Float32Array {
  const random = new RandomStream(...key);
  return Float32Array.from({ length }, () => {
    const kind = random.below(16);
    if (kind === 0) return 0;
    if (kind === 1) return -0;
    return random.uniform(-1, 1) * 2 ** (kind === 2 ? random.uniform(-149, -126) : random.uniform(-30, 30));
  });
}

/** The canonical sum in the words of its definition: split at the largest power of two below the length. */
export function referenceSum(leaves: readonly Float32Array[]): Float32Array {
  if (leaves.length === 1) return (leaves[0] as Float32Array).slice();
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  const [a, b] = [referenceSum(leaves.slice(0, left)), referenceSum(leaves.slice(left))];
  return a.map((value, index) => Math.fround(value + (b[index] as number)));
}

export function sameBits(actual: Float32Array | undefined, expected: Float32Array): void {
  assert.ok(actual !== undefined);
  assert.equal(actual.length, expected.length);
  const bytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  if (bytes(actual).equals(bytes(expected))) return;
  const index = actual.findIndex((value, i) => !Object.is(value, expected[i]));
  assert.fail(`value ${index} is ${actual[index]}, ${expected[index]} expected`);
}
