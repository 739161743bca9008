import { LockstepError } from '../core/index.ts';
import type { DatasetDescription, TransformDescription } from './job.ts';

/**
 * What a job file passes as `data`: an immutable description of a data set. Each method returns a new one, so a
 * common start can be shared: `const train = datasets.cifar10({ split: 'train' }).oneHot(10)`, then
 * `train.slice(0, -1000)` to train on and `train.slice(-1000)` to validate with. Nothing is opened or read here.
 */
export class Dataset {
  readonly #description: DatasetDescription;

  constructor(description: DatasetDescription) {
    this.#description = description;
  }

  /** Bilinear, as TensorFlow's `tf.image.resize`; every input must be an image [height, width, channels]. */
  resize(height: number, width: number): Dataset {
    checkCount('resize: height', height);
    checkCount('resize: width', width);
    return this.#with({ kind: 'resize', height, width });
  }

  /** Every float input becomes `value · factor + offset`; `scale(1 / 255)` takes pixels from 0–255 to 0–1. */
  scale(factor: number, offset = 0): Dataset {
    checkFinite('scale: factor', factor);
    checkFinite('scale: offset', offset);
    return this.#with({ kind: 'scale', factor, offset });
  }

  /** A target that is one class number becomes [classes] zeros with a one. */
  oneHot(classes: number): Dataset {
    checkCount('oneHot: classes', classes);
    return this.#with({ kind: 'oneHot', classes });
  }

  /** Samples [start, end) of this data set; numbers below 0 count from its end, as with arrays. */
  slice(start: number, end?: number): Dataset {
    checkWhole('slice: start', start);
    if (end !== undefined) checkWhole('slice: end', end);
    return this.#with({ kind: 'slice', start, end: end ?? null });
  }

  /** The first `count` samples, or all if there are fewer. */
  take(count: number): Dataset {
    checkCount('take: count', count);
    return this.slice(0, count);
  }

  describe(): DatasetDescription {
    return this.#description;
  }

  #with(transform: TransformDescription): Dataset {
    return new Dataset({ ...this.#description, transforms: [...this.#description.transforms, transform] });
  }
}

/** @throws LockstepError job/invalid unless `value` is a whole number of at least 1 */
export function checkCount(field: string, value: unknown): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return;
  throw new LockstepError('job/invalid', `${field} must be a whole number of at least 1, got ${show(value)}.`);
}

export function checkWhole(field: string, value: unknown): asserts value is number {
  if (Number.isSafeInteger(value)) return;
  throw new LockstepError('job/invalid', `${field} must be a whole number, got ${show(value)}.`);
}

function checkFinite(field: string, value: unknown): asserts value is number {
  if (Number.isFinite(value)) return;
  throw new LockstepError('job/invalid', `${field} must be a finite number, got ${show(value)}.`);
}

/** A value as a message quotes it: short, and telling of its type. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : `an object {${Object.keys(value).join(', ')}}`;
}
