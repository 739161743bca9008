import type { RunResult } from '../../coordinator/index.ts';
import type { ResolvedOptions, Verbosity } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { heldInWorker } from '../../shared/job/index.ts';
import { checkPaths } from '../paths.ts';
import { runCaptured } from '../run-captured.ts';
import { type JobArgument, locateJob } from './locate-job.ts';
import { abortInterrupts, type ProgramOptions, readVerbose, resolveGiven } from './options.ts';

/** The options of `lockstep train` (docs/configuration.md) as values, and what only a program has. */
export type TrainOptions = Partial<Omit<ResolvedOptions<'train'>, 'json' | 'verbose'>> & ProgramOptions;

export type TrainResult = RunResult;

/**
 * Trains a job on worker processes of this machine, as `lockstep train` does. Options that are absent come from
 * LOCKSTEP_* variables or defaults; `verbose` is 0 by default. When it is aborted the model is saved and the promise
 * resolves as usual.
 * @throws LockstepError the first failure of the run, or config/… for an option that is not allowed
 */
export async function train(job: JobArgument, options: TrainOptions = {}): Promise<TrainResult> {
  return (await heldInWorker('train')) ?? runTraining('train', job, options, '0');
}

/** @param call what the user called, for messages */
export async function runTraining(
  call: string,
  job: JobArgument,
  options: TrainOptions,
  verboseByDefault: Verbosity,
): Promise<TrainResult> {
  const { verbose, signal, ...given } = options;
  const resolved = {
    ...resolveGiven('train', call, given),
    verbose: readVerbose(verbose, verboseByDefault),
  };
  const { jobFile, jobPlace } = locateJob(job);
  checkPaths({ jobFile, data: resolved.data, model: resolved.model, out: resolved.out });
  signal?.throwIfAborted();
  const { outcome, result } = await runCaptured(
    { mode: 'train', jobFile, jobPlace, options: resolved, checkpoint: resolved.model },
    { interrupts: abortInterrupts(signal), progress: resolved.verbose === '0' ? 'none' : 'inherit' },
  );
  const wasDrained = outcome.failure?.code === 'run/interrupted' && result !== null;
  if (outcome.failure !== null && !wasDrained) throw outcome.failure;
  if (result === null) throw new LockstepError('run/coordinator-lost', 'the run ended without a result');
  return result;
}
