import type { ErrorRecord, Range } from '../../shared/core/index.ts';
import type { Batch, DatasetDescription, TensorSpec } from '../../shared/job/index.ts';
import type { SamplingPlan } from '../../shared/sampling/index.ts';

/** What a loader delivers: for each step from `firstStep` to before `endStep`, the microsteps' batches of each replica in the range. */
export interface LoaderRange {
  readonly plan: SamplingPlan;
  readonly replicas: Range;
  readonly firstStep: number;
  readonly endStep: number;
  /** Random transforms are on. */
  readonly isTraining?: boolean;
}

export interface LoadedBatch {
  readonly step: number;
  readonly replica: number;
  readonly batch: Batch;
}

/** What openSource gets, as far as it can go to another thread. */
export interface LoaderContext {
  readonly directory: string | undefined;
  /** What data sets measured before, by their key: the others then agree with it. */
  readonly adapted?: Readonly<Record<string, unknown>>;
}

export interface LoaderThreadData {
  readonly dataset: DatasetDescription;
  /** Where files are looked for when the description names no directory itself (`--data`). */
  readonly context: LoaderContext;
  readonly prefetch: number;
}

/**
 * Messages of a BatchLoader and its thread. Arrays are transferred, never copied. `pass` counts the calls of start():
 * what belongs to an earlier one is dropped on both sides.
 */
export type ToLoaderThread =
  | { readonly kind: 'start'; readonly pass: number; readonly range: LoaderRange }
  /** The caller took a batch, so there is room for one more. */
  | { readonly kind: 'taken'; readonly pass: number }
  | { readonly kind: 'recycle'; readonly batch: Batch }
  | { readonly kind: 'close' };

export type FromLoaderThread =
  | {
      readonly kind: 'opened';
      readonly size: number;
      readonly inputs: readonly TensorSpec[];
      readonly targets: readonly TensorSpec[];
      readonly adapted: Readonly<Record<string, unknown>>;
    }
  /** Before `opened`: what takes long. */
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'batch'; readonly pass: number; readonly loaded: LoadedBatch }
  /** Before `opened`, with pass 0: it could not be opened, and the thread ends. */
  | { readonly kind: 'failed'; readonly pass: number; readonly error: ErrorRecord };
