import type { ResolvedOptions } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { heldInWorker } from '../../shared/job/index.ts';
import type { PredictionReader } from '../../shared/predictions/index.ts';
import { checkPaths } from '../paths.ts';
import { runPrediction } from '../run-prediction.ts';
import { type JobArgument, locateJob } from './locate-job.ts';
import { abortInterrupts, type ProgramOptions, resolveGiven } from './options.ts';

/** The options of `lockstep predict` as values; `model` is a saved model's directory, such as `history.model`. */
export type PredictOptions = Partial<Omit<ResolvedOptions<'predict'>, 'output' | 'model'>> &
  Pick<ProgramOptions, 'signal'> & { readonly model: string };

export interface Predictions {
  /** Predicted, in the order of the data set. */
  readonly samples: number;
  readonly outputs: readonly {
    readonly name: string;
    /** [samples, …] */
    readonly shape: readonly number[];
    /** Row by row. */
    readonly values: Float32Array;
  }[];
}

/**
 * Keras's `predict`: a saved model's outputs for the job's test data (its training data where it has none), every sample
 * once and in order, with the same bits on any number of workers. All of them are held in memory; `lockstep predict
 * --output` writes any number to a file.
 * @throws LockstepError the first failure, or config/… for an option
 */
export async function predict(job: JobArgument, options: PredictOptions): Promise<Predictions> {
  return (await heldInWorker('predict')) ?? runPredictor(job, options);
}

async function runPredictor(job: JobArgument, { signal, ...given }: PredictOptions): Promise<Predictions> {
  const resolved = resolveGiven('predict', 'predict', given);
  const located = locateJob(job);
  checkPaths({ jobFile: located.jobFile, data: resolved.data, model: resolved.model, out: resolved.out });
  signal?.throwIfAborted();
  const capture = { interrupts: abortInterrupts(signal), progress: 'none' } as const;
  const { outcome, taken } = await runPrediction(located, resolved, capture, readAll);
  if (outcome.failure !== null) throw outcome.failure;
  if (taken === null) throw new LockstepError('run/coordinator-lost', 'the prediction ended without a result');
  return taken;
}

async function readAll(reader: PredictionReader): Promise<Predictions> {
  const { samples } = reader;
  const outputs = reader.outputs.map(({ name, shape }) => {
    const whole = [samples, ...shape];
    return { name, shape: whole, values: new Float32Array(whole.reduce((product, size) => product * size, 1)) };
  });
  for await (const batch of reader.batches()) {
    for (const [index, { values }] of outputs.entries()) {
      values.set(batch.outputs[index] ?? [], batch.first * (values.length / samples));
    }
  }
  return { samples, outputs };
}
