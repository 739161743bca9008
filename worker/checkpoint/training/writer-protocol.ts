import type { ErrorRecord } from '../../../shared/core/index.ts';
import type { RetentionRule } from './retention.ts';
import type { TrainingCheckpoint, WrittenCheckpoint } from './write-checkpoint.ts';

/** What the writer's thread is started with. */
export interface WriterSettings {
  readonly location: string;
  readonly retention: RetentionRule;
}

/** One at a time; the arrays are the thread's from then on. */
export type ToWriter = { readonly kind: 'write'; readonly checkpoint: TrainingCheckpoint };

export type FromWriter =
  | ({ readonly kind: 'written'; readonly seconds: number } & WrittenCheckpoint)
  | { readonly kind: 'failed'; readonly step: number; readonly error: ErrorRecord };
