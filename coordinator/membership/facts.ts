import type { RunSettings } from '../../shared/config/index.ts';
import type { MetricValue } from '../../shared/metrics/index.ts';
import type { Identity, Phase, Split } from '../../shared/run/index.ts';

export interface MembershipConfig {
  readonly runId: string;
  readonly settings: RunSettings;
  /** Fewest that train: with fewer left, the run waits for more, then ends with everything saved. */
  readonly minWorkers: number;
  /** Fewest that training begins with, when `settings.workers` did not come in time. */
  readonly startWorkers: number;
  readonly heartbeatTimeoutMs: number;
  /** From the start until all workers are ready. */
  readonly joinTimeoutMs: number;
  /** Whether another worker may come for one that is lost while workers gather; if not, that loss ends the run. */
  readonly refillPlaces: boolean;
  /** How long a worker may take to come out of its step when the membership changes. */
  readonly stallTimeoutMs: number;
  /** How long workers may take to come back to a coordinator that was started again. */
  readonly returnTimeoutMs: number;
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
  /** Of a worker that trains on without the coordinator that it had. */
  readonly rejoin?: { readonly runId: string; readonly generation: number };
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
