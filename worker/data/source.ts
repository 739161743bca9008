import type { BatchValues, TensorSpec } from '../../shared/job/index.ts';

/** An opened data set: random access to samples by number. Lives in a loader thread. */
export interface Source {
  /** Samples, ≥ 1. */
  readonly size: number;
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  /** Class number of each sample, where they are known without reading the samples; lets `oneHot` check them first. */
  readonly labels?: ArrayLike<number>;
  /** The only input before a transform gives it a shape: `inputs` is empty then. */
  readonly loose?: LooseInput;
  /** Of sound, in hertz. */
  readonly sampleRate?: number;
  /**
   * Writes sample `index` (0 ≤ index < size) into the given views, one per input and per target, each as long as
   * its spec's shape says. The views are zero before; what is slow belongs in opening, because this is synchronous.
   * `visit` is there in training only: what is random may depend on it and on `index`, and on nothing else.
   */
  read(index: number, inputs: readonly BatchValues[], targets: readonly BatchValues[], visit?: Visit): void;
  /** How much the sample counts, ≥ 0; 1 each where this is absent. `targets` as `read` filled them, after all transforms. */
  weigh?(index: number, targets: readonly BatchValues[]): number;
  /** Gives files and memory back. */
  close?(): void;
}

/** Samples whose input has no fixed shape yet. */
export type LooseInput =
  | { readonly kind: 'text'; read(index: number): string }
  /** Numbers of words or other things, of any count. */
  | { readonly kind: 'sequence'; read(index: number): ArrayLike<number> };

/** One of the times that training comes to a sample. */
export interface Visit {
  /** The run's. */
  readonly seed: number;
  /** Counts from 0. */
  readonly epoch: number;
}

export interface OpenContext {
  /** Where files are looked for when the description names no directory itself (`--data`). */
  readonly directory: string | undefined;
  /** What takes long while the data set is opened, for people: a download. */
  readonly onProgress?: (text: string) => void;
}
