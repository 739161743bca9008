import { LockstepError } from '../../shared/core/index.ts';
import { tf } from '../engine/index.ts';

/** What can be summed. A Float32Array or tensor keeps its kind and shape. */
export type Summand = number | Float32Array | tf.Tensor;
export type Summands = Summand | readonly Summand[];

/** One flat array, and the way back from it. */
export interface Packed {
  readonly values: Float32Array<ArrayBuffer>;
  /** Kinds and shapes: equal on all workers. */
  readonly text: string;
}

/** @throws LockstepError job/invalid for what cannot be summed */
export function pack(given: unknown): Packed {
  const list = (Array.isArray(given) ? given : [given]) as Summand[];
  const parts = list.map(floatsOf);
  const values = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let start = 0;
  for (const part of parts) {
    values.set(part, start);
    start += part.length;
  }
  const kinds = list.map(kindOf).join(', ');
  return { values, text: Array.isArray(given) ? `[${kinds}]` : kinds };
}

/** `values` in the form of `like`; tensors are the caller's. */
export function unpack<Form extends Summands>(values: Float32Array, like: Form): Form {
  let start = 0;
  const take = (summand: Summand): Summand => {
    const part = values.slice(start, start + sizeOf(summand));
    start += part.length;
    if (typeof summand === 'number') return part[0] ?? 0;
    return summand instanceof Float32Array ? part : tf.tensor(part, summand.shape);
  };
  return (Array.isArray(like) ? like.map(take) : take(like as Summand)) as Form;
}

function floatsOf(summand: Summand): Float32Array {
  if (typeof summand === 'number') return new Float32Array([summand]);
  if (summand instanceof Float32Array) return summand;
  if (summand instanceof tf.Tensor && summand.dtype === 'float32') return summand.dataSync<'float32'>();
  const got = summand instanceof tf.Tensor ? `a tensor of type ${summand.dtype}` : String(summand);
  throw new LockstepError(
    'job/invalid',
    `allReduce sums numbers, Float32Arrays and float32 tensors, and lists of these, got ${got}.`,
  );
}

function sizeOf(summand: Summand): number {
  if (typeof summand === 'number') return 1;
  return summand instanceof Float32Array ? summand.length : summand.size;
}

function kindOf(summand: Summand): string {
  if (typeof summand === 'number') return 'number';
  return summand instanceof Float32Array ? `Float32Array(${summand.length})` : `tensor(${summand.shape.join('×')})`;
}
