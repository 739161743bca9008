import { heldInWorker } from '../../shared/job/index.ts';
import { type History, historyOf } from './history.ts';
import type { JobArgument } from './locate-job.ts';
import { runTraining, type TrainOptions } from './train.ts';

export type FitOptions = TrainOptions;

/**
 * Keras's `fit` on worker processes of this machine: `const { history } = await fit(job, { workers: 2, epochs: 3 })`.
 * Where `train` is silent, this shows its progress (`verbose: 'auto'`).
 * @throws LockstepError as `train`
 */
export async function fit(job: JobArgument, options: FitOptions = {}): Promise<History> {
  return (await heldInWorker('fit')) ?? historyOf(await runTraining('fit', job, options, 'auto'));
}
