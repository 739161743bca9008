import type { ErrorRecord } from '../../../shared/core/index.ts';
import type { RetentionRule } from './retention.ts';
import type { TrainingCheckpoint, WrittenCheckpoint } from './write-checkpoint.ts';

/** What the writer's thread is started with. */
export interface WriterSettings {
  readonly location: string;
  readonly retention: RetentionRule;
}

export type ToWriter =
  /** One at a time; the arrays are the thread's from then on. */
  | { readonly kind: 'write'; readonly checkpoint: TrainingCheckpoint }
  /** What was measured of a checkpoint that is written by then, if it was at all. */
  | { readonly kind: 'amend'; readonly step: number; readonly measured: Readonly<Record<string, number>> };

export type FromWriter =
  | ({ readonly kind: 'written'; readonly place: string; readonly seconds: number } & WrittenCheckpoint)
  | { readonly kind: 'amended'; readonly step: number }
  | { readonly kind: 'failed'; readonly step: number; readonly error: ErrorRecord };
