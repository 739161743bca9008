import { LockstepError } from '../core/index.ts';

/** A step of a sequence: one number, or several, as many in every step. */
export type SequenceStep = number | readonly number[];

/** Keras's arguments of `pad_sequences`, with its defaults. */
export interface PadOptions {
  /** Steps in every padded sequence; the longest sequence's when left out. */
  readonly maxLen?: number;
  readonly dtype?: 'int32' | 'float32';
  /** Where the padding goes. Default `pre`. */
  readonly padding?: 'pre' | 'post';
  /** Which end of a longer sequence is cut. Default `pre`. */
  readonly truncating?: 'pre' | 'post';
  /** Default 0. */
  readonly value?: number;
}

/** All samples after one another; `shape` is that of one: what `datasets.arrays` takes. */
export interface PaddedSequences {
  readonly values: Int32Array | Float32Array;
  readonly shape: readonly number[];
}

/** PadOptions with every default filled in. */
export type Padding = Required<PadOptions>;

/** @throws LockstepError job/invalid for an option that is not allowed */
export function resolvePadding(options: PadOptions, longest?: number): Padding {
  const { maxLen = longest, dtype = 'int32', padding = 'pre', truncating = 'pre', value = 0 } = options;
  if (!Number.isSafeInteger(maxLen) || (maxLen as number) < 1) {
    throw new LockstepError('job/invalid', `padSequences: maxLen must be a whole number of at least 1, got ${maxLen}.`);
  }
  checkOneOf('dtype', dtype, ['int32', 'float32']);
  checkOneOf('padding', padding, ['pre', 'post']);
  checkOneOf('truncating', truncating, ['pre', 'post']);
  if (!Number.isFinite(value)) {
    throw new LockstepError('job/invalid', `padSequences: value must be a finite number, got ${value}.`);
  }
  return { maxLen: maxLen as number, dtype, padding, truncating, value };
}

function checkOneOf(option: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new LockstepError('job/invalid', `padSequences: ${option} must be ${known.join(' or ')}, got ${value}.`);
}

/** Writes one sequence of numbers into `row` [maxLen]. */
export function padInto(row: Int32Array | Float32Array, sequence: ArrayLike<number>, padding: Padding): void {
  const kept = Math.min(sequence.length, row.length);
  const from = padding.truncating === 'pre' ? sequence.length - kept : 0;
  const to = padding.padding === 'pre' ? row.length - kept : 0;
  row.fill(padding.value);
  for (let step = 0; step < kept; step++) row[to + step] = sequence[from + step] as number;
}

/**
 * Sequences of one length, as Keras's `pad_sequences`: [samples, maxLen], or [samples, maxLen, …] for steps of
 * several numbers.
 * @throws LockstepError job/invalid for a wrong option, data/shape for steps of different sizes
 */
export function padSequences(
  sequences: readonly (readonly SequenceStep[] | ArrayLike<number>)[],
  options: PadOptions = {},
): PaddedSequences {
  const longest = sequences.reduce((most, { length }) => Math.max(most, length), 0);
  const padding = resolvePadding(options, longest);
  const first = sequences.find(({ length }) => length > 0)?.[0];
  const stepShape = Array.isArray(first) ? [first.length] : [];
  const perStep = stepShape[0] ?? 1;
  const rowLength = padding.maxLen * perStep;
  const length = sequences.length * rowLength;
  const values = padding.dtype === 'int32' ? new Int32Array(length) : new Float32Array(length);
  for (const [sample, sequence] of sequences.entries()) {
    const row = values.subarray(sample * rowLength, (sample + 1) * rowLength);
    padInto(row, flatten(sequence, sample, stepShape), padding);
  }
  return { values, shape: [padding.maxLen, ...stepShape] };
}

/** Steps of a fixed size may be padded and cut as single numbers, because rows are whole steps long. */
function flatten(
  sequence: readonly SequenceStep[] | ArrayLike<number>,
  sample: number,
  stepShape: readonly number[],
): ArrayLike<number> {
  const flat: number[] = [];
  for (let step = 0; step < sequence.length; step++) {
    const value = sequence[step] as SequenceStep;
    const shape = Array.isArray(value) ? [value.length] : [];
    if (shape.length !== stepShape.length || shape[0] !== stepShape[0]) {
      throw new LockstepError(
        'data/shape',
        `padSequences: step ${step} of sequence ${sample} has shape [${shape}], expected [${stepShape}] as in the first`,
      );
    }
    if (Array.isArray(value)) flat.push(...(value as number[]));
    else flat.push(value as number);
  }
  return flat;
}
