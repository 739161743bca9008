import type { PredictOptions } from '../../worker/predict.ts';
import type { CoordinatorStart, WorkerStart } from './messages.ts';
import { workerEnvironment } from './plan.ts';

/**
 * Runs a coordinator in this process until its run has ended. The first SIGINT or SIGTERM drains the run, the next one
 * stops it. @returns exit code
 */
export async function runAsCoordinator(
  start: CoordinatorStart,
  onListening: (address: string, metricsAddress: string | null) => void,
): Promise<number> {
  const { runCoordinator } = await import('../../coordinator/index.ts');
  const { loadSecurity } = await import('../../shared/rpc/index.ts');
  const { security, ...rest } = start;
  let unsubscribe = () => {};
  try {
    return await runCoordinator({ ...rest, security: loadSecurity(security), onListening }, (coordinator) => {
      const drain = (signal: string) => coordinator.drain(`${signal} received`);
      process.on('SIGINT', drain);
      process.on('SIGTERM', drain);
      unsubscribe = () => {
        process.off('SIGINT', drain);
        process.off('SIGTERM', drain);
      };
    });
  } finally {
    unsubscribe();
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
export async function runAsPredictor(start: PredictOptions): Promise<number> {
  prepareEnvironment(start.threads);
  const { runPredict } = await import('../../worker/predict.ts');
  await runPredict(start);
  return 0;
}

/** TensorFlow reads its variables when it is loaded, which the imports after this do. */
function prepareEnvironment(threads: number): void {
  Object.assign(process.env, workerEnvironment(threads, undefined));
}
