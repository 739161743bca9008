import { roundToBfloat16 } from '../../shared/core/index.ts';
import type { WireFormat, WireValues } from './wire-format.ts';

/** One bucket of a contribution. */
export interface BucketShape {
  /** Values in it. */
  readonly length: number;
  /** What they are summed as: `bfloat16` rounds each leaf and each node of the canonical tree. */
  readonly format: WireFormat;
}

/** A generation's segments have one format: bfloat16 as soon as one bucket has. */
export function wireOf(buckets: readonly BucketShape[]): WireFormat {
  return buckets.some(({ format }) => format === 'bfloat16') ? 'bfloat16' : 'float32';
}

/** Wire values for each value: a float32 among bfloat16 travels as two, as it is. */
export function wireWidth({ format }: BucketShape, wire: WireFormat): number {
  return format === 'float32' && wire === 'bfloat16' ? 2 : 1;
}

/** The same bytes as values of the wire. */
export function toWire(values: WireValues, wire: WireFormat): WireValues {
  if (wire === 'float32' || values instanceof Uint16Array) return values;
  return new Uint16Array(values.buffer, values.byteOffset, values.length * 2);
}

/** The same bytes as values of the bucket; a copy where they lie on no multiple of four. */
export function fromWire(values: WireValues, format: WireFormat): WireValues {
  if (format === 'bfloat16' || values instanceof Float32Array) return values;
  const aligned = values.byteOffset % 4 === 0 ? values : values.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
}

/** A replica's own values, rounded where the bucket is. */
export function asLeaf(values: WireValues, format: WireFormat): WireValues {
  return format === 'bfloat16' && values instanceof Float32Array ? roundToBfloat16(values) : values;
}
