import type { CoordinatorOptions } from '../../coordinator/index.ts';
import type { ErrorRecord } from '../../shared/core/index.ts';
import type { SecurityOptions } from '../../shared/rpc/index.ts';
import type { LogLevel } from '../../shared/telemetry/index.ts';
import type { WorkerOptions } from '../../worker/index.ts';

/** CoordinatorOptions as far as they can be sent: files in place of what was read from them, no functions. */
export type CoordinatorStart = Omit<
  CoordinatorOptions,
  'security' | 'logLevel' | 'onLeft' | 'onListening' | 'terminal' | 'writeResult'
> & {
  readonly security: SecurityOptions;
  readonly logLevel: LogLevel;
};

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
  /** The run goes on without this worker, whose process may still be there. */
  | { readonly kind: 'left'; readonly workerId: string }
  /** `wasTold`: it is on standard error already. The last one counts. */
  | { readonly kind: 'failed'; readonly error: ErrorRecord; readonly wasTold: boolean };
