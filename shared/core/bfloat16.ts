/**
 * bfloat16: the upper half of a float32, kept as a Uint16Array. Rounded to nearest, ties to even; not-a-number becomes
 * one quiet NaN, because the payload of a sum's is not defined.
 */
export const bfloat16NaN = 0x7fc0;

const cell = new Float32Array(1);
const bits = new Int32Array(cell.buffer);

/** @param length of the result, at least that of `values`; zeros fill the rest */
export function roundToBfloat16(values: Float32Array, length: number = values.length): Uint16Array<ArrayBuffer> {
  const rounded = new Uint16Array(length);
  for (let i = 0; i < values.length; i++) {
    cell[0] = values[i] as number;
    rounded[i] = upperHalf(bits[0] as number);
  }
  return rounded;
}

/** @param length how many of the values */
export function widenBfloat16(values: Uint16Array, length: number = values.length): Float32Array<ArrayBuffer> {
  const widened = new Float32Array(length);
  const words = new Int32Array(widened.buffer);
  for (let i = 0; i < length; i++) words[i] = (values[i] as number) << 16;
  return widened;
}

function upperHalf(word: number): number {
  return (word & 0x7fffffff) > 0x7f800000 ? bfloat16NaN : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}
