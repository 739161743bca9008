import type { LogLevel } from '../../shared/telemetry/index.ts';
import type { CoordinatorStart, WorkerStart } from './messages.ts';
import { workerEnvironment } from './plan.ts';

export type PredictorStart = Pick<WorkerStart, 'jobFile' | 'dataDirectory' | 'engine' | 'threads'> & {
  readonly logLevel: LogLevel;
  readonly model: string;
  readonly output: string | null;
  readonly count: number | null;
  readonly batchSize: number | null;
};

/**
 * Runs a coordinator in this process until its run has ended. The first SIGINT or SIGTERM drains the run, the next one
 * stops it. @returns exit code
 */
export async function runAsCoordinator(
  start: CoordinatorStart,
  onListening: (address: string, metricsAddress: string | null) => void,
): Promise<number> {
  const { runCoordinator } = await import('../../coordinator/index.ts');
  const coordinator = await runCoordinator({ ...start, onListening });
  let interrupts = 0;
  const interrupt = (signal: NodeJS.Signals) => {
    interrupts++;
    if (interrupts === 1) coordinator.drain(signal);
    else coordinator.stop(signal);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await coordinator.finished;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** Runs a worker in this process until its part has ended. @returns exit code */
export async function runAsWorker(start: WorkerStart): Promise<number> {
  prepareEnvironment(start.threads);
  const { runWorker } = await import('../../worker/main.ts');
  await runWorker(start);
  return 0;
}

/** @returns exit code */
export async function runAsPredictor(start: PredictorStart): Promise<number> {
  prepareEnvironment(start.threads);
  const { runPredict } = await import('../../worker/main.ts');
  return runPredict(start);
}

/** TensorFlow reads its variables when it is loaded, which the imports after this do. */
function prepareEnvironment(threads: number): void {
  Object.assign(process.env, workerEnvironment(threads, undefined));
}
