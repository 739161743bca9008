import { invariant, roundToBfloat16, widenBfloat16 } from '../../shared/core/index.ts';
import type { Contribution, ContributionLayout, Gradients } from './engine.ts';
import type { Bucket } from './plan-buckets.ts';

export type Wire = ContributionLayout['wire'];

/** Values of a bucket as it travels: pairs of bfloat16 share a word, so their number is even. */
export function packedLength({ length }: Bucket, wire: Wire): number {
  return wire === 'bfloat16' ? length + (length % 2) : length;
}

/** A bucket's floats as they travel. */
export function packGradients(values: Float32Array, wire: Wire): Gradients {
  return wire === 'bfloat16' ? roundToBfloat16(values, values.length + (values.length % 2)) : values;
}

/** The floats of all buckets as they came back. */
export function unpackGradients({ gradients }: Contribution, buckets: readonly Bucket[]): Float32Array[] {
  return gradients.map((values, index) =>
    values instanceof Float32Array ? values : widenBfloat16(values, buckets[index]?.length),
  );
}

/** A run's int32 result is pairs of bfloat16 values. */
export function asGradients(values: Float32Array | Int32Array): Gradients {
  return values instanceof Int32Array ? new Uint16Array(values.buffer, values.byteOffset, values.length * 2) : values;
}

/** What a graph is fed for a bucket. */
export function asWords(values: Gradients): Float32Array | Int32Array {
  if (values instanceof Float32Array) return values;
  invariant(values.length % 2 === 0 && values.byteOffset % 4 === 0, 'bfloat16 gradients come in pairs');
  return new Int32Array(values.buffer, values.byteOffset, values.length / 2);
}
