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

/** The same where every leaf and every node is rounded to bfloat16. */
export function referenceSumInBfloat16(leaves: readonly Float32Array[]): Uint16Array {
  if (leaves.length === 1) return Uint16Array.from(leaves[0] as Float32Array, nearestBfloat16);
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  const [a, b] = [referenceSumInBfloat16(leaves.slice(0, left)), referenceSumInBfloat16(leaves.slice(left))];
  return a.map((half, index) => nearestBfloat16(widen(half) + widen(b[index] as number)));
}

const view = new DataView(new ArrayBuffer(4));

function widen(half: number): number {
  view.setUint32(0, half * 65_536);
  return view.getFloat32(0);
}

/** Of the two neighbours the nearer one, or the even one: by the distances, not by the bits that are cut off. */
export function nearestBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  view.setFloat32(0, value);
  const exact = view.getFloat32(0);
  const below = view.getUint16(0);
  if (widen(below) === exact) return below;
  const above = below + 1;
  // Beyond the largest number the next step would be as wide as the last one.
  const far = Number.isFinite(widen(above)) ? widen(above) : 2 * widen(below) - widen(below - 1);
  const [down, up] = [Math.abs(exact - widen(below)), Math.abs(far - exact)];
  if (down === up) return below % 2 === 0 ? below : above;
  return down < up ? below : above;
}

type Values = Float32Array | Uint16Array;

export function sameBits(actual: Values | undefined, expected: Values): void {
  assert.ok(actual !== undefined);
  assert.equal(actual.constructor, expected.constructor);
  assert.equal(actual.length, expected.length);
  const bytes = (values: Values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  if (bytes(actual).equals(bytes(expected))) return;
  const index = [...actual].findIndex((value, i) => !Object.is(value, expected[i]));
  assert.fail(`value ${index} is ${actual[index]}, ${expected[index]} expected`);
}
