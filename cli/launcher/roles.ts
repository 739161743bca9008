import type { Terminal } from '../../coordinator/index.ts';
import type { PreflightCheck, PreflightOptions, ProfileOptions } from '../../worker/index.ts';
import { exitCodes } from '../failures.ts';
import type { CoordinatorStart, WorkerStart } from './messages.ts';

export interface CoordinatorHooks {
  onListening(address: string, metricsAddress: string | null): void;
  onLeft?(workerId: string): void;
  onErrorText?(text: string): void;
  readonly drainOn: readonly NodeJS.Signals[];
}

/**
 * Runs a coordinator in this process until its run has ended. The first of `drainOn` drains the run, the next one
 * stops it. @returns exit code
 */
export async function runAsCoordinator(
  start: CoordinatorStart,
  { onListening, onLeft, onErrorText, drainOn }: CoordinatorHooks,
): Promise<number> {
  const { runCoordinator } = await import('../../coordinator/index.ts');
  const { loadSecurity } = await import('../../shared/rpc/index.ts');
  const { security, ...rest } = start;
  let unsubscribe = () => {};
  try {
    return await runCoordinator(
      {
        ...rest,
        security: loadSecurity(security),
        onListening,
        ...(onLeft === undefined ? {} : { onLeft }),
        terminal: tellingTerminal(onErrorText),
      },
      (coordinator) => {
        const drain = (signal: string) => coordinator.drain(`${signal} received`);
        for (const signal of drainOn) process.on(signal, drain);
        unsubscribe = () => {
          for (const signal of drainOn) process.off(signal, drain);
        };
      },
    );
  } finally {
    unsubscribe();
  }
}

/** Standard error, with `onErrorText` told of every error that is written to it. */
function tellingTerminal(onErrorText: ((text: string) => void) | undefined): Terminal {
  const { stderr } = process;
  return {
    isTTY: stderr.isTTY === true,
    get columns() {
      return stderr.columns ?? 80;
    },
    write: (text) => {
      stderr.write(text);
      if (/^error: /m.test(text)) onErrorText?.(text);
    },
  };
}

/** Runs a worker in this process until its part has ended. @returns exit code */
export async function runAsWorker(start: WorkerStart): Promise<number> {
  const { runWorker } = await import('../../worker/index.ts');
  const { endedEarly } = await runWorker(start);
  return endedEarly ? exitCodes.resumable : exitCodes.success;
}

/** @returns exit code */
export async function runAsProfiler(options: ProfileOptions): Promise<number> {
  const { runProfile } = await import('../../worker/index.ts');
  await runProfile(options);
  return 0;
}

/** What a run of the job would meet first, tried in this process. */
export async function runAsPreflight(options: PreflightOptions): Promise<PreflightCheck[]> {
  const { runPreflight } = await import('../../worker/index.ts');
  return runPreflight(options);
}
