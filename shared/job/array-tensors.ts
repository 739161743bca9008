import { createHash } from 'node:crypto';
import { LockstepError } from '../core/index.ts';
import type { BatchValues } from './batch.ts';
import { show } from './checks.ts';
import type { TensorSpec } from './job.ts';

/** Values of all samples after one another; `shape` is that of one sample. Int32Array stays int32, all else float32. */
export interface ArrayTensor {
  readonly values: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** A tensor of all samples in memory that threads share. */
export interface SharedTensor extends TensorSpec {
  readonly values: BatchValues;
  /** Of the values' bytes: part of the job's hash, so that workers with other values don't train together. */
  readonly sha256: string;
}

export interface ArraysOptions {
  readonly samples: number;
  readonly inputs: readonly SharedTensor[];
  readonly targets: readonly SharedTensor[];
}

type OneOrMore = ArrayTensor | readonly ArrayTensor[];

/** Copies the values to shared memory. @throws LockstepError job/invalid when counts and shapes don't agree */
export function shareTensors(given: { readonly inputs: OneOrMore; readonly targets: OneOrMore }): ArraysOptions {
  const inputs = named('inputs', given.inputs);
  const targets = named('targets', given.targets);
  const counts = [...inputs, ...targets].map(([field, tensor]) => ({ field, samples: countSamples(field, tensor) }));
  const samples = counts[0]?.samples ?? 0;
  const other = counts.find((count) => count.samples !== samples);
  if (other !== undefined) {
    throw new LockstepError(
      'job/invalid',
      `arrays: ${counts[0]?.field} hold ${samples} samples, but ${other.field} hold ${other.samples}.`,
    );
  }
  const share = (tensors: [string, ArrayTensor][]): SharedTensor[] => tensors.map(([, tensor]) => shareTensor(tensor));
  return { samples, inputs: share(inputs), targets: share(targets) };
}

function named(field: string, given: OneOrMore): [string, ArrayTensor][] {
  const isList = Array.isArray(given);
  const tensors = (isList ? given : [given]) as ArrayTensor[];
  if (tensors.length === 0) throw new LockstepError('job/invalid', `arrays: ${field} must hold at least one tensor.`);
  return tensors.map((tensor, index) => [isList ? `${field}[${index}]` : field, tensor]);
}

function countSamples(field: string, tensor: ArrayTensor): number {
  const { values, shape } = tensor ?? {};
  if (typeof values?.length !== 'number' || typeof values === 'string' || !Array.isArray(shape)) {
    throw new LockstepError('job/invalid', `arrays: ${field} must be { values, shape }, got ${show(tensor)}.`);
  }
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 1)) {
    throw new LockstepError(
      'job/invalid',
      `arrays: ${field}: shape [${shape.join(', ')}] must hold whole numbers above 0.`,
    );
  }
  const perSample = shape.reduce((product, size) => product * size, 1);
  if (values.length === 0 || values.length % perSample !== 0) {
    throw new LockstepError(
      'job/invalid',
      `arrays: ${field} hold ${values.length} values; expected a positive multiple of ${perSample}, ` +
        `the values of one sample of shape [${shape.join(', ')}].`,
    );
  }
  return values.length / perSample;
}

export function shareTensor({ values, shape }: ArrayTensor): SharedTensor {
  const isInteger = values instanceof Int32Array;
  const shared = new SharedArrayBuffer(values.length * 4);
  const copy = isInteger ? new Int32Array(shared) : new Float32Array(shared);
  copy.set(values);
  return { shape: [...shape], dtype: isInteger ? 'int32' : 'float32', values: copy, sha256: hash(copy) };
}

/** In pieces: crypto takes no shared memory, and a whole copy could be large. */
function hash(values: BatchValues): string {
  const hasher = createHash('sha256');
  const pieceLength = 1 << 20;
  for (let start = 0; start < values.length; start += pieceLength) {
    hasher.update(values.slice(start, start + pieceLength));
  }
  return hasher.digest('hex');
}
