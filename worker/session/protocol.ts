import type { RunSettings } from '../../shared/config/index.ts';
import type { ErrorRecord } from '../../shared/core/index.ts';
import type {
  CheckpointReport,
  EpochDecision,
  EpochEnd,
  EvaluationShare,
  JobFacts,
  ResumePoint,
  Standing,
  StepReport,
} from '../../shared/run/index.ts';
import type { ExchangeChoice, NamedBytes, WireFormat, WireValues } from '../collective/index.ts';

/**
 * Messages between a worker's main thread (engine; blocked while a step runs) and its link thread (all gRPC).
 * Buffers are transferred, never copied: after a message the sender's views are empty.
 */
export type MainToLink =
  | {
      readonly kind: 'ready';
      readonly jobHash: string;
      readonly facts: JobFacts;
      /** What this worker goes on from; null where it begins anew. */
      readonly resume?: ResumePoint | null;
      /** Null where `begin` tells those of each step. */
      readonly bucketLengths: readonly number[] | null;
      /** What each bucket is summed as. */
      readonly bucketFormats: readonly WireFormat[];
      /** Most gradients that leave are zero. */
      readonly sparse: boolean;
    }
  | { readonly kind: 'begin'; readonly step: number; readonly bucketLengths: readonly number[] }
  /** What a loop is going to do, once it is known. */
  | { readonly kind: 'planned'; readonly facts: JobFacts }
  | {
      readonly kind: 'contribute';
      readonly generation: number;
      readonly step: number;
      readonly replica: number;
      readonly bucket: number;
      readonly values: WireValues;
    }
  | { readonly kind: 'committed'; readonly report: StepReport }
  /** The answer to `pause`. */
  | { readonly kind: 'standing'; readonly generation: number; readonly standing: Standing }
  /** Lets others of the generation take `entries`, until its first reduction is done. */
  | { readonly kind: 'offer'; readonly version: number; readonly entries: readonly NamedBytes[] }
  | { readonly kind: 'take'; readonly version: number; readonly ranks: readonly number[] }
  | { readonly kind: 'evaluated'; readonly share: EvaluationShare }
  | { readonly kind: 'decided'; readonly decision: EpochDecision }
  | { readonly kind: 'checkpointed'; readonly report: CheckpointReport }
  | {
      readonly kind: 'finished';
      readonly steps: number;
      readonly weightsSha256: string;
      readonly checkpoint: string;
      /** Checkpoint of the state after `steps`; empty without one. */
      readonly resumeFrom?: string;
    }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

export type LinkToMain =
  | { readonly kind: 'welcome'; readonly settings: RunSettings; readonly workerId: string }
  | { readonly kind: 'generation'; readonly generation: GenerationView }
  /** The generation is over: come out of the step, and tell where you stand for `generation`. */
  | { readonly kind: 'pause'; readonly generation: number }
  | { readonly kind: 'taken'; readonly entries: readonly NamedBytes[] }
  | { readonly kind: 'reduced'; readonly step: number; readonly buckets: readonly WireValues[] }
  | { readonly kind: 'epochEnd'; readonly end: EpochEnd }
  | { readonly kind: 'decision'; readonly decision: EpochDecision }
  | { readonly kind: 'drain' }
  | { readonly kind: 'stop'; readonly error: ErrorRecord | null };

export interface GenerationView {
  readonly generation: number;
  readonly rank: number;
  readonly worldSize: number;
  /** The replicas that this worker hosts. */
  readonly replicas: { readonly start: number; readonly end: number };
  readonly startStep: number;
  /** How gradients travel. */
  readonly exchange: ExchangeChoice;
  /** Ranks that are where training goes on. */
  readonly donors: readonly number[];
  /** Ranks that lack the last update. */
  readonly behind: readonly number[];
  /** Ranks that have no state yet. */
  readonly fresh: readonly number[];
  /** The validation at `startStep` is complete. */
  readonly validated: boolean;
  /** The last one. */
  readonly decision: EpochDecision | null;
  /** Epochs that are over, where rank 0 decides about the next. */
  readonly history: readonly EpochEnd[];
}
