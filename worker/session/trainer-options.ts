import type { RunSettings } from '../../shared/config/index.ts';
import type { Job } from '../../shared/job/index.ts';
import type { BatchLoader } from '../data/index.ts';
import type { TrainerOptions } from '../engine/index.ts';
import { batchRows, type RunPlan } from './run-plan.ts';

/** What a trainer of `job` is made with in a run of `settings`. */
export function trainerOptions(
  job: Job,
  plan: RunPlan,
  settings: Pick<RunSettings, 'bucketBytes'>,
  { inputs, targets }: Pick<BatchLoader, 'inputs' | 'targets'>,
): TrainerOptions {
  return {
    buildModel: job.model,
    optimizer: job.optimizer,
    loss: job.loss,
    lossWeights: job.lossWeights,
    metrics: job.metrics,
    weightedMetrics: job.weightedMetrics,
    seed: plan.seed,
    inputs,
    targets,
    bucketBytes: settings.bucketBytes,
    rows: batchRows(plan.train),
    replicas: plan.train.replicas,
    accumulate: plan.train.accumulate ?? 1,
    compile: plan.compile,
    precision: plan.precision,
    wire: plan.wire === 'bfloat16' ? 'bfloat16' : 'float32',
  };
}
