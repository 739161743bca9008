import { at } from '../../../shared/core/index.ts';
import type { NpyArray } from './npy-array.ts';
import { PickleProblem, PickleReader, type PickleValue } from './python-objects.ts';

/** Sequences of numbers of different lengths, all after one another. */
export class RaggedArray {
  readonly size: number;
  readonly #values: Int32Array;
  /** Where each sequence starts, and the end of the last. */
  readonly #starts: Float64Array;

  constructor(sequences: readonly ArrayLike<number>[]) {
    this.size = sequences.length;
    this.#starts = new Float64Array(sequences.length + 1);
    for (const [index, { length }] of sequences.entries()) this.#starts[index + 1] = at(this.#starts, index) + length;
    this.#values = new Int32Array(at(this.#starts, sequences.length));
    for (const [index, sequence] of sequences.entries()) this.#values.set(sequence, at(this.#starts, index));
  }

  at(index: number): Int32Array {
    return this.#values.subarray(at(this.#starts, index), at(this.#starts, index + 1));
  }
}

/**
 * The lists of numbers in an array of Python objects, which NumPy writes as a pickle. It is read as a whole: a pickle
 * has no index.
 * @throws LockstepError data/corrupt
 */
export function readRagged({ bytes, start, type, shape }: NpyArray): RaggedArray {
  if (type !== undefined || shape.length !== 1) bytes.fail(10, 'the array holds no lists of numbers');
  const content = new Uint8Array(bytes.size - start);
  bytes.read(content, start);
  try {
    const lists = listsOf(new PickleReader(content).read());
    if (lists.length !== shape[0]) throw new PickleProblem(0, `${lists.length} lists, expected ${shape[0]}`);
    return new RaggedArray(lists);
  } catch (error) {
    if (error instanceof PickleProblem) bytes.fail(start + error.byte, error.message);
    throw error;
  }
}

/** An array's state is (version, shape, type, isFortran, elements). */
function listsOf(array: PickleValue): number[][] {
  const state =
    typeof array === 'object' && array !== null && 'kind' in array && array.kind === 'object' && array.state;
  const elements = Array.isArray(state) ? state[4] : undefined;
  if (!Array.isArray(elements)) throw new PickleProblem(0, 'the pickle is no array of objects');
  for (const [index, list] of elements.entries()) {
    if (Array.isArray(list) && list.every((value) => Number.isInteger(value))) continue;
    throw new PickleProblem(0, `element ${index} is no list of whole numbers`);
  }
  return elements as number[][];
}
