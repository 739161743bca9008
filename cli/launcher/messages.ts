import type { RunSettings } from '../../shared/config/index.ts';
import type { ErrorRecord } from '../../shared/core/index.ts';
import type { SecurityOptions } from '../../shared/rpc/index.ts';
import type { LogLevel } from '../../shared/telemetry/index.ts';
import type { WorkerOptions } from '../../worker/index.ts';

export interface CoordinatorStart {
  readonly listen: string;
  readonly settings: RunSettings;
  readonly out: string;
  readonly json: boolean;
  readonly metricsListen: string | null;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly joinTimeoutMs: number;
  readonly refillPlaces?: boolean;
  readonly security: SecurityOptions;
  readonly runToken: string;
  readonly logLevel: LogLevel;
}

export type WorkerStart = WorkerOptions;

/**
 * From the launcher to a child, over the IPC channel that fork opens: options don't pass through a command line, where
 * every user of the machine could read them, and aren't resolved twice.
 */
export type ToChild =
  | { readonly kind: 'start-coordinator'; readonly options: CoordinatorStart }
  | { readonly kind: 'start-worker'; readonly options: WorkerStart };

export type FromChild =
  | { readonly kind: 'listening'; readonly address: string; readonly metricsAddress: string | null }
  /** `wasTold`: it is on standard error already. The last one counts. */
  | { readonly kind: 'failed'; readonly error: ErrorRecord; readonly wasTold: boolean };
