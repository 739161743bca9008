import type { RunSettings } from '../../shared/config/index.ts';
import type { ErrorRecord } from '../../shared/core/index.ts';
import type { MetricValue } from '../../shared/metrics/index.ts';
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
  StepReport,
} from '../../shared/run/index.ts';

export { phases } from '../../shared/run/index.ts';
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
  StepReport,
};

export interface MembershipConfig {
  readonly runId: string;
  readonly settings: RunSettings;
  readonly heartbeatTimeoutMs: number;
  /** From the start until all workers are ready. */
  readonly joinTimeoutMs: number;
  /** Whether another worker may come for one that is lost while workers gather; if not, that loss ends the run. */
  readonly refillPlaces: boolean;
  /** How long workers may take to end after Stop before the coordinator ends without them. */
  readonly stopGraceMs: number;
}

export interface Hello {
  readonly workerId: string;
  readonly host: string;
  readonly pid: number;
  readonly peerAddress: string;
  /** Empty when the worker serves no metrics. */
  readonly metricsAddress: string;
  readonly identity: Identity;
}

export interface Beat {
  /** The step that the worker is in, from 0. */
  readonly step: number;
  readonly phase: Phase;
  readonly phaseMs: number;
  /** Since the worker's start. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly deviceMemoryBytes: number;
}

/** Means over a whole data set. */
export interface Evaluation {
  readonly split: Split;
  readonly step: number;
  readonly samples: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, MetricValue>>;
}

export interface Member {
  readonly workerId: string;
  readonly rank: number;
  readonly host: string;
  readonly peerAddress: string;
  readonly firstReplica: number;
  /** Exclusive. */
  readonly endReplica: number;
  /** The connection that this worker joined on. */
  readonly link: number;
}

/** Where a message came from and what its sender believes; what doesn't fit the run any more is dropped. */
export interface Sender {
  readonly link: number;
  readonly runId: string;
  readonly generation: number;
}

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
    }
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
    }
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
  | { readonly kind: 'left'; readonly hello: Hello; readonly why: string }
  | { readonly kind: 'refused'; readonly error: ErrorRecord }
  | { readonly kind: 'started'; readonly active: Active }
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

export interface WorkerRecord {
  readonly hello: Hello;
  readonly link: number;
  /** False once the connection is closed; only a worker that finished or failed stays in the run without one. */
  readonly open: boolean;
  readonly joinedMs: number;
  readonly lastHeardMs: number;
  readonly beat: Beat | null;
  readonly committedSteps: number;
  readonly ready: { readonly jobHash: string; readonly facts: JobFacts; readonly resume?: ResumePoint } | null;
  readonly finished: {
    readonly steps: number;
    readonly weightsSha256: string;
    readonly checkpoint: string;
    readonly resumeFrom?: string;
  } | null;
  readonly failed: ErrorRecord | null;
}

/** The generation in progress and what it has done. */
export interface Active {
  readonly generation: number;
  readonly members: readonly Member[];
  readonly facts: JobFacts;
  /** 0 where it is not known: in a loop that told of no data. */
  readonly stepsPerEpoch: number;
  /** Of the whole run, unless it is drained. */
  readonly totalSteps: number;
  readonly committedSteps: number;
  /** Shares by replica, for each evaluation that lacks some, by `split@step`. */
  readonly pendingEvaluations: ReadonlyMap<string, ReadonlyMap<number, EvaluationShare>>;
  /** `split@step` of the evaluations that are complete. */
  readonly evaluated: ReadonlySet<string>;
  readonly epoch: EpochSums;
  /** Epochs that wait for their validation, by the step that they ended with. */
  readonly unmeasured: ReadonlyMap<number, EpochSums>;
  /** Decisions so far: the next one is for this epoch. */
  readonly decisions: number;
  /** Why training ended before its last epoch, as decided by a callback. */
  readonly stopped: string | null;
}

export interface Drain {
  readonly reason: string;
  readonly exitCode: number;
}

export interface Outcome {
  readonly steps: number;
  readonly weightsSha256: string;
  readonly checkpoint: string;
  /** Checkpoint of the state after the last step, which the same command goes on from. */
  readonly resumeFrom?: string;
  /** Ended early because it was asked to, with everything saved. */
  readonly drained: boolean;
  /** Why a callback ended training before its last epoch; null when none did. */
  readonly stopped: string | null;
}

export type Stage =
  | { readonly kind: 'gathering'; readonly departed: readonly string[] }
  | { readonly kind: 'running'; readonly active: Active }
  | { readonly kind: 'draining'; readonly active: Active; readonly drain: Drain }
  | { readonly kind: 'finishing'; readonly active: Active; readonly drain: Drain | null }
  /** A worker failed for want of a peer: who is to blame will show within the heartbeat timeout. */
  | { readonly kind: 'investigating'; readonly active: Active; readonly failure: ErrorRecord; readonly untilMs: number }
  | {
      readonly kind: 'finished';
      readonly outcome: Outcome;
      readonly exitCode: number;
      readonly exitByMs: number;
      readonly exited: boolean;
    }
  | {
      readonly kind: 'failed';
      readonly error: ErrorRecord;
      readonly exitCode: number;
      readonly exitByMs: number;
      readonly exited: boolean;
    };

export interface RunState {
  readonly config: MembershipConfig;
  readonly startedMs: number;
  readonly lastTickMs: number;
  /** By link, in order of arrival. */
  readonly workers: ReadonlyMap<number, WorkerRecord>;
  readonly stage: Stage;
}

export interface Transition {
  readonly state: RunState;
  readonly actions: readonly Action[];
  /** Why this was decided, in words. */
  readonly reason: string;
}
