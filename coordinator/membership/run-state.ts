import type { ErrorRecord } from '../../shared/core/index.ts';
import type {
  EpochDecision,
  EpochEnd,
  EpochSums,
  EvaluationShare,
  JobFacts,
  ResumePoint,
  Standing,
} from '../../shared/run/index.ts';
import type { Beat, Hello, Member, MembershipConfig } from './facts.ts';

export interface WorkerRecord {
  readonly hello: Hello;
  readonly link: number;
  /** False once the connection is closed; only a worker that finished or failed stays in the run without one. */
  readonly open: boolean;
  readonly joinedMs: number;
  /** A worker that was lost before waits until then, the longer the more often. */
  readonly admitAtMs: number;
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
  readonly jobHash: string;
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
  /** The last one. */
  readonly decision: EpochDecision | null;
  /** Ends of epochs, where rank 0 decides about the next: one that takes over from a lost rank 0 learns from them. */
  readonly history: readonly EpochEnd[];
  /** Changes of the membership since the last committed step. */
  readonly fruitless: number;
  /** Why training ended before its last epoch, as decided by a callback. */
  readonly stopped: string | null;
  /** The workers agreed on a last step before the last one planned. */
  readonly ending: boolean;
}

/** How the members of a new generation get to the same state; ranks are those of the new generation. */
export interface CatchUp {
  /** They are where training goes on. */
  readonly donors: readonly number[];
  /** They lack the last update, and take its reduced gradients from a donor. */
  readonly behind: readonly number[];
  /** They are new, and take the whole state from the donors. */
  readonly fresh: readonly number[];
  /** Whether the validation at the start step is complete. */
  readonly validated: boolean;
  readonly decision: EpochDecision | null;
  readonly history: readonly EpochEnd[];
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
  /** The coordinator was started again: workers train on meanwhile, and come back. */
  | {
      readonly kind: 'recovering';
      readonly active: Active;
      readonly untilMs: number;
      /** What one told of its peers. */
      readonly fault: string | null;
    }
  /** All members come out of their step; then those that are there go on, as generation `generation`. */
  | {
      readonly kind: 'regrouping';
      readonly active: Active;
      readonly drain: Drain | null;
      readonly generation: number;
      readonly sinceMs: number;
      readonly standings: ReadonlyMap<number, Standing>;
      /** The loss that began it, for the end of a run that nobody is left of. */
      readonly loss: ErrorRecord | null;
    }
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

export interface Losses {
  /** In short order. */
  readonly count: number;
  readonly lastMs: number;
}

export interface RunState {
  readonly config: MembershipConfig;
  readonly startedMs: number;
  readonly lastTickMs: number;
  /** By link, in order of arrival. */
  readonly workers: ReadonlyMap<number, WorkerRecord>;
  /** Workers that were lost before, by id. */
  readonly losses: ReadonlyMap<string, Losses>;
  readonly stage: Stage;
}
