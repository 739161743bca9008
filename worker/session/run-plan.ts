import type { RunSettings } from '../../shared/config/index.ts';
import { keepsGradients, LockstepError, type Wire } from '../../shared/core/index.ts';
import type { Job, Precision } from '../../shared/job/index.ts';
import { microstepBatchSize, type SamplingPlan, stepsPerEpoch } from '../../shared/sampling/index.ts';

/** The job and the run's settings made one: what this run will do, equal on all workers. */
export interface RunPlan {
  readonly seed: number;
  readonly precision: Precision;
  readonly compile: boolean;
  /** What gradients travel and are summed as. */
  readonly wire: Wire;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Steps of the whole run: all epochs, or fewer by `--max-steps`. */
  readonly totalSteps: number;
  readonly train: SamplingPlan;
}

/** `--eager` or `--no-eager` wins over the job's `compile`, which is true by default. */
export function compiles({ compile }: Pick<Job, 'compile'>, { eager }: Pick<RunSettings, 'eager'>): boolean {
  return eager === null ? compile : !eager;
}

/** By whose choice steps run op by op, or compiled against the job's; empty for the usual way. */
export function executionText({ compile }: Pick<Job, 'compile'>, { eager }: Pick<RunSettings, 'eager'>): string {
  if (eager === true) return 'op by op (--eager)';
  if (compile) return '';
  return eager === null
    ? 'op by op (compile: false in the job)'
    : 'compiled (--no-eager, over the job’s compile: false)';
}

/** Settings win over the job file. @throws LockstepError config/invalid */
export function planRun(
  job: Pick<
    Job,
    'accumulate' | 'batchSize' | 'compile' | 'epochs' | 'seed' | 'shuffle' | 'precision' | 'wire' | 'onNonFinite'
  >,
  settings: RunSettings,
  trainSamples: number,
): RunPlan {
  const batchSize = settings.globalBatchSize ?? job.batchSize;
  const accumulate = settings.accumulate ?? job.accumulate;
  const { replicas } = settings;
  if (batchSize % replicas !== 0) {
    const lower = batchSize - (batchSize % replicas);
    const nearest = lower === 0 ? `${replicas}` : `${lower} or ${lower + replicas}`;
    throw new LockstepError(
      'config/invalid',
      `batchSize ${batchSize} cannot be cut in ${replicas} equal parts, one per replica; ` +
        `use --batch-size ${nearest}, or a --replicas that divides ${batchSize}`,
    );
  }
  const wire = settings.wire ?? job.wire;
  if (keepsGradients(wire) && replicas === 1 && settings.mode === 'train') {
    throw new LockstepError(
      'config/invalid',
      `--wire ${wire} with one replica: its gradients are sent to nobody, so keeping some of them back would only slow ` +
        'learning down; use --wire float32, or --replicas 2 and more',
    );
  }
  if (keepsGradients(wire) && job.onNonFinite === 'skip') {
    throw new LockstepError(
      'config/invalid',
      `--wire ${wire} adds what it keeps back of one step to the next, so no step can be left out; use onNonFinite: 'stop', ` +
        'or --wire float32',
    );
  }
  const seed = settings.seed ?? job.seed;
  const epochs = settings.epochs ?? job.epochs;
  const globalBatchSize = batchSize * accumulate;
  const { shuffle } = job;
  const train: SamplingPlan = { samples: trainSamples, globalBatchSize, accumulate, replicas, seed, shuffle };
  const perEpoch = stepsPerEpoch(train);
  const allSteps = settings.mode === 'evaluate' ? 0 : epochs * perEpoch;
  return {
    seed,
    precision: settings.precision ?? job.precision,
    compile: compiles(job, settings),
    wire,
    epochs,
    stepsPerEpoch: perEpoch,
    totalSteps: Math.min(allSteps, settings.maxSteps ?? allSteps),
    train,
  };
}

/** Evaluation goes through a data set once, in its own order, in the same lanes and batches as training. */
export function evaluationPlan({ train }: RunPlan, samples: number): SamplingPlan {
  return { ...train, samples, globalBatchSize: microstepBatchSize(train), accumulate: 1, shuffle: false };
}

/** Row counts of training batches that have samples: a full one and, in the last step of an epoch, perhaps a shorter one. */
export function batchRows(plan: SamplingPlan): number[] {
  const batchSize = microstepBatchSize(plan);
  const full = batchSize / plan.replicas;
  const short = (plan.samples % batchSize) % full;
  return short === 0 ? [full] : [full, short];
}
