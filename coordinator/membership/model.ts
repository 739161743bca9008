import type { ErrorRecord } from '../../shared/core/index.ts';
import type {
  CheckpointReport,
  EpochDecision,
  EpochEnd,
  EpochSums,
  EvaluationShare,
  Identity,
  JobFacts,
  Phase,
  ResumePoint,
  Split,
  Standing,
  StepReport,
} from '../../shared/run/index.ts';

import type { Beat, Evaluation, Hello, Member, Sender } from './facts.ts';
import type { Active, CatchUp, Outcome, RunState } from './run-state.ts';

export { phases } from '../../shared/run/index.ts';
export type * from './facts.ts';
export type * from './run-state.ts';
export type {
  CheckpointReport,
  EpochDecision,
  EpochEnd,
  EpochSums,
  EvaluationShare,
  Identity,
  JobFacts,
  Phase,
  ResumePoint,
  Split,
  Standing,
  StepReport,
};

export type Event =
  | { readonly kind: 'workerHello'; readonly from: Sender; readonly hello: Hello }
  | {
      readonly kind: 'workerReady';
      readonly from: Sender;
      readonly jobHash: string;
      readonly facts: JobFacts;
      /** What it goes on from; absent where it begins anew. */
      readonly resume?: ResumePoint;
    }
  | { readonly kind: 'checkpointed'; readonly from: Sender; readonly report: CheckpointReport }
  | { readonly kind: 'loopPlanned'; readonly from: Sender; readonly facts: JobFacts }
  | { readonly kind: 'heartbeat'; readonly from: Sender; readonly beat: Beat }
  | { readonly kind: 'stepCommitted'; readonly from: Sender; readonly report: StepReport }
  | { readonly kind: 'evaluationShare'; readonly from: Sender; readonly share: EvaluationShare }
  | { readonly kind: 'epochDecided'; readonly from: Sender; readonly decision: EpochDecision }
  | {
      readonly kind: 'workerFinished';
      readonly from: Sender;
      readonly steps: number;
      readonly weightsSha256: string;
      readonly checkpoint: string;
      readonly resumeFrom?: string;
    }
  | {
      readonly kind: 'workerFailed';
      readonly from: Sender;
      readonly error: ErrorRecord;
      readonly step: number;
      readonly phase: Phase;
    }
  /** A peer of this worker is silent, gone, or sends what is wrong; the worker itself can go on. */
  | { readonly kind: 'peerFault'; readonly from: Sender; readonly error: ErrorRecord }
  /** Where a worker stands that came out of its step; `from.generation` is the one being formed. */
  | { readonly kind: 'workerStanding'; readonly from: Sender; readonly standing: Standing }
  | { readonly kind: 'linkClosed'; readonly link: number; readonly reason: string }
  | { readonly kind: 'tick' }
  | { readonly kind: 'drainRequested'; readonly reason: string; readonly exitCode: number }
  | { readonly kind: 'stopRequested'; readonly error: ErrorRecord; readonly exitCode: number };

export type Action =
  | { readonly kind: 'sendWelcome'; readonly link: number }
  | { readonly kind: 'sendRefused'; readonly link: number; readonly error: ErrorRecord }
  | {
      readonly kind: 'startGeneration';
      readonly generation: number;
      readonly members: readonly Member[];
      readonly startStep: number;
      /** What members do before their first step. */
      readonly catchUp: CatchUp;
    }
  /** Come out of the step, and tell where you stand: generation `generation` is being formed. */
  | { readonly kind: 'sendPause'; readonly links: readonly number[]; readonly generation: number }
  | { readonly kind: 'sendEpochEnd'; readonly link: number; readonly end: EpochEnd }
  | { readonly kind: 'sendDecision'; readonly links: readonly number[]; readonly decision: EpochDecision }
  | { readonly kind: 'sendDrain'; readonly links: readonly number[]; readonly reason: string }
  | { readonly kind: 'sendStop'; readonly links: readonly number[]; readonly error: ErrorRecord | null }
  | { readonly kind: 'closeLink'; readonly link: number }
  | { readonly kind: 'countStale' }
  | { readonly kind: 'journal'; readonly record: JournalEntry }
  | { readonly kind: 'report'; readonly event: Report }
  | { readonly kind: 'exit'; readonly code: number };

/** Decisions and progress worth keeping. All but `step` are durable before anyone is told. */
export type JournalEntry =
  | {
      readonly kind: 'generation';
      readonly generation: number;
      readonly members: readonly Omit<Member, 'link'>[];
      readonly startStep: number;
      readonly facts: JobFacts;
      readonly jobHash: string;
    }
  | {
      readonly kind: 'step';
      readonly generation: number;
      readonly step: number;
      readonly samples: number;
      readonly lossSum: number;
      readonly metricSums: readonly number[];
      /** Absent in journals of older versions. */
      readonly seconds?: number;
    }
  | { readonly kind: 'regroup'; readonly generation: number; readonly why: string }
  | { readonly kind: 'planned'; readonly facts: JobFacts }
  | { readonly kind: 'resumed'; readonly step: number; readonly place: string; readonly sha256: string }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly place: string; readonly bytes: number }
  | { readonly kind: 'evaluation'; readonly evaluation: Evaluation }
  | { readonly kind: 'epoch'; readonly end: EpochEnd }
  | { readonly kind: 'decision'; readonly decision: EpochDecision }
  | { readonly kind: 'finished'; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

/** What happened, for those who watch: progress line, metrics, status page. */
export type Report =
  | { readonly kind: 'joined'; readonly hello: Hello; readonly joined: number; readonly wanted: number }
  /** All workers are back at a coordinator that was started again. */
  | { readonly kind: 'recovered'; readonly active: Active }
  /** A worker came back to a coordinator that was started again. */
  | { readonly kind: 'returned'; readonly hello: Hello }
  | { readonly kind: 'left'; readonly hello: Hello; readonly why: string }
  | { readonly kind: 'refused'; readonly error: ErrorRecord }
  | { readonly kind: 'started'; readonly active: Active }
  /** The membership changes: training stands until the next `started`. */
  | { readonly kind: 'regrouping'; readonly why: string }
  | { readonly kind: 'planned'; readonly active: Active }
  | { readonly kind: 'resumed'; readonly resume: ResumePoint }
  | { readonly kind: 'checkpointed'; readonly report: CheckpointReport }
  | { readonly kind: 'beat'; readonly workerId: string; readonly beat: Beat }
  | { readonly kind: 'step'; readonly report: StepReport }
  | { readonly kind: 'evaluation'; readonly evaluation: Evaluation }
  | { readonly kind: 'epoch'; readonly end: EpochEnd }
  | { readonly kind: 'decision'; readonly decision: EpochDecision }
  | { readonly kind: 'draining'; readonly reason: string }
  | { readonly kind: 'finished'; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }
  | { readonly kind: 'consequence'; readonly error: ErrorRecord };

export interface Transition {
  readonly state: RunState;
  readonly actions: readonly Action[];
  /** Why this was decided, in words. */
  readonly reason: string;
}
