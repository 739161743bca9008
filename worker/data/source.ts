import type { BatchValues, TensorSpec } from '../../shared/job/index.ts';

/** An opened data set: random access to samples by number. Lives in a loader thread. */
export interface Source {
  /** Samples, ≥ 1. */
  readonly size: number;
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  /** Class number of each sample, where they are known without reading the samples; lets `oneHot` check them first. */
  readonly labels?: ArrayLike<number>;
  /**
   * Writes sample `index` (0 ≤ index < size) into the given views, one per input and per target, each as long as
   * its spec's shape says. The views are zero before; what is slow belongs in opening, because this is synchronous.
   */
  read(index: number, inputs: readonly BatchValues[], targets: readonly BatchValues[]): void;
  /** Gives files and memory back. */
  close?(): void;
}

export interface OpenContext {
  /** Where files are looked for when the description names no directory itself (`--data`). */
  readonly directory: string | undefined;
}
