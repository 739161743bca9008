import type { SecurityOptions } from '../../shared/rpc/index.ts';
import type { Identity } from '../../shared/run/index.ts';

/** What the link thread is started with; structured-cloneable. */
export interface LinkSettings {
  readonly coordinator: string;
  readonly workerId: string;
  readonly host: string;
  readonly identity: Identity;
  readonly peerListen: string;
  /** Host that peers reach this worker under; the one of `peerListen` when null. */
  readonly advertise: string | null;
  readonly metricsListen: string | null;
  readonly sharedMemory: 'auto' | 'off';
  readonly connectTimeoutMs: number;
  readonly security: SecurityOptions;
  readonly runToken: string;
  /** ProgressBoard's memory. */
  readonly board: SharedArrayBuffer;
}
