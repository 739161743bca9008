import type { EvaluationMeans } from '../../coordinator/index.ts';
import type { ResolvedOptions } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { heldInWorker } from '../../shared/job/index.ts';
import { checkPaths } from '../paths.ts';
import { runCaptured } from '../run-captured.ts';
import { type JobArgument, locateJob } from './locate-job.ts';
import { abortInterrupts, type ProgramOptions, readVerbose, resolveGiven } from './options.ts';

/** The options of `lockstep evaluate` as values; `model` is a saved model's directory, such as `history.model`. */
export type EvaluateOptions = Partial<Omit<ResolvedOptions<'evaluate'>, 'json' | 'verbose' | 'model'>> &
  ProgramOptions & { readonly model: string };

/**
 * Keras's `evaluate` with `return_dict`: loss and metrics of a saved model on the job's test data, by name, from exact
 * counts over all workers.
 * @throws LockstepError the first failure, config/… for an option, job/invalid where the job has no test data
 */
export async function evaluate(job: JobArgument, options: EvaluateOptions): Promise<EvaluationMeans> {
  return (await heldInWorker('evaluate')) ?? runEvaluation(job, options);
}

async function runEvaluation(job: JobArgument, { verbose, signal, ...given }: EvaluateOptions) {
  const resolved = { ...resolveGiven('evaluate', 'evaluate', given), verbose: readVerbose(verbose, '0') };
  const { jobFile, jobPlace } = locateJob(job);
  checkPaths({ jobFile, data: resolved.data, model: resolved.model, out: resolved.out });
  signal?.throwIfAborted();
  const untrained = { epochs: null, maxSteps: null, accumulate: null, seed: null, dumpGraph: null };
  const { outcome, result } = await runCaptured(
    { mode: 'evaluate', jobFile, jobPlace, options: { ...resolved, ...untrained }, checkpoint: resolved.model },
    { interrupts: abortInterrupts(signal), progress: resolved.verbose === '0' ? 'none' : 'inherit' },
  );
  if (outcome.failure !== null) throw outcome.failure;
  const test = result?.test ?? null;
  if (test === null) throw new LockstepError('job/invalid', 'the job has no data.test to evaluate the model on');
  return test;
}
