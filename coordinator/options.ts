import type { RunSettings, Verbosity } from '../shared/config/index.ts';
import type { Security } from '../shared/rpc/index.ts';
import type { LogLevel } from '../shared/telemetry/index.ts';
import type { MembershipConfig } from './membership/index.ts';
import type { Terminal } from './progress.ts';

export interface CoordinatorOptions {
  /** `host:port` for workers; port 0 takes a free one. */
  readonly listen: string;
  readonly settings: RunSettings;
  /** Directory of the journal and the result. */
  readonly out: string;
  /** Print the result as the last line of stdout. */
  readonly json: boolean;
  /** `host:port` of metrics and the status page; null for none. */
  readonly metricsListen: string | null;
  /** Fewest workers that train; 1 when not given. */
  readonly minWorkers?: number;
  /** Fewest that training begins with when not all come in time; all when not given. */
  readonly startWorkers?: number;
  /** How long a worker may take to come out of its step when the membership changes; two minutes when not given. */
  readonly stallTimeoutMs?: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly joinTimeoutMs: number;
  /** False where nobody can start another worker: one that is lost before training begins ends the run at once. */
  readonly refillPlaces?: boolean;
  /** Goes on with the unfinished run of `out`, whose workers train on without a coordinator. */
  readonly recover?: boolean;
  readonly security: Security;
  /** Shared secret of the run; empty for none. */
  readonly runToken: string;
  readonly logLevel?: LogLevel;
  /** `auto` when not given; `0` leaves nothing but errors. */
  readonly verbose?: Verbosity;
  /** Told of each worker that the run goes on without: its process may hang. */
  readonly onLeft?: (workerId: string) => void;
  readonly onListening?: (address: string, metricsAddress: string | null) => void;
  /** Where people read; stderr when not given. */
  readonly terminal?: Terminal;
  /** Where `json` goes; stdout when not given. */
  readonly writeResult?: (line: string) => void;
}

/** How long workers may take to end after Stop: a step that blocks the engine's thread ends first. */
const STOP_GRACE_MS = 3000;
/** Workers try again at least twice a second. */
const RETURN_TIMEOUT_MS = 10_000;
/** Longer than a step with its compilation takes. */
const STALL_TIMEOUT_MS = 120_000;

/** What the reducer needs of it. */
export function membershipConfig(options: CoordinatorOptions, runId: string): MembershipConfig {
  const { settings, heartbeatTimeoutMs, joinTimeoutMs, refillPlaces = true } = options;
  const { minWorkers = 1, startWorkers = settings.workers, stallTimeoutMs = STALL_TIMEOUT_MS } = options;
  return {
    ...{ runId, settings, minWorkers, startWorkers, refillPlaces },
    ...{
      heartbeatTimeoutMs,
      joinTimeoutMs,
      stallTimeoutMs,
      returnTimeoutMs: RETURN_TIMEOUT_MS,
      stopGraceMs: STOP_GRACE_MS,
    },
  };
}
