import type { SecurityOptions } from '../../shared/rpc/index.ts';

/** What the link thread is started with; structured-cloneable. */
export interface LinkSettings {
  readonly coordinator: string;
  readonly workerId: string;
  readonly host: string;
  readonly identity: WorkerIdentity;
  readonly peerListen: string;
  /** Host that peers reach this worker under; the one of `peerListen` when null. */
  readonly advertise: string | null;
  readonly metricsListen: string | null;
  readonly connectTimeoutMs: number;
  readonly security: SecurityOptions;
  readonly runToken: string;
  /** ProgressBoard's memory. */
  readonly board: SharedArrayBuffer;
}

/** What must be equal on all workers of a run for their bits to be equal; the coordinator compares it at join. */
export interface WorkerIdentity {
  readonly lockstepVersion: string;
  readonly engine: string;
  readonly tensorflowVersion: string;
  readonly deviceClass: string;
  readonly threads: number;
  readonly jobFileHash: string;
}
