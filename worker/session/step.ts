import { at } from '../../shared/core/index.ts';
import type { StepReport } from '../../shared/run/index.ts';
import { type SamplingPlan, samplesInStep } from '../../shared/sampling/index.ts';
import type { BatchLoader } from '../data/index.ts';
import type { Contribution, Trainer } from '../engine/index.ts';
import type { Link } from './link.ts';
import type { GenerationView } from './protocol.ts';

/** What one step needs; the same for all steps of a generation. */
export interface StepContext {
  readonly trainer: Trainer;
  readonly loader: BatchLoader;
  readonly link: Link;
  readonly plan: SamplingPlan;
  readonly generation: GenerationView;
  readonly totalSteps: number;
}

/**
 * One training step: batch → forward and backward for each hosted replica → reduce over all replicas → apply.
 * The contribution of a replica leaves for the link thread as soon as it is computed, so the link thread sums and
 * sends it while the next replica computes.
 */
export async function trainStep(context: StepContext, step: number): Promise<StepReport> {
  const { trainer, loader, link, plan, generation } = context;
  const { board } = link;
  const globalSamples = samplesInStep(plan, step);
  const started = performance.now();
  let dataMs = 0;
  let computeMs = 0;

  for (let replica = generation.replicas.start; replica < generation.replicas.end; replica++) {
    board.enter('data', step);
    const asked = performance.now();
    const { batch } = await loader.next();
    const got = performance.now();
    board.enter('forward-backward', step);
    const contribution = trainer.forwardBackward(batch, { step, replica, replicas: plan.replicas, globalSamples });
    contribute(link, step, replica, contribution);
    loader.recycle(batch);
    dataMs += got - asked;
    computeMs += performance.now() - got;
  }

  board.enter('reduce', step);
  const waited = performance.now();
  const reduced = unpackReduced((await link.receive('reduced')).buckets);
  const reducedAt = performance.now();

  board.enter('apply', step);
  trainer.apply(reduced.contribution, step);
  const applied = performance.now();

  return {
    step,
    samples: globalSamples,
    lossSum: at(reduced.contribution.statistics, 0),
    metricSums: [...reduced.contribution.statistics.subarray(1, 1 + trainer.metricCount)],
    dataSeconds: dataMs / 1000,
    forwardBackwardSeconds: computeMs / 1000,
    reduceSeconds: (reducedAt - waited) / 1000,
    applySeconds: (applied - reducedAt) / 1000,
    stepSeconds: (applied - started) / 1000,
    last: reduced.drain || step + 1 >= context.totalSteps,
  };
}

/**
 * The wish to drain rides along in the reduction, so that all workers see it in the same step without asking anyone:
 * a last bucket of one value, the number of replicas whose worker was asked to drain.
 */
export function bucketLengths(trainer: Trainer): number[] {
  return [...trainer.layout.gradientBuckets, trainer.layout.statistics, 1];
}

function contribute(link: Link, step: number, replica: number, contribution: Contribution): void {
  const drain = new Float32Array([link.drainRequested ? 1 : 0]);
  const buckets = [...contribution.gradients, contribution.statistics, drain];
  link.send(
    { kind: 'contribute', step, replica, buckets },
    buckets.map((bucket) => bucket.buffer as ArrayBuffer),
  );
}

function unpackReduced(buckets: readonly Float32Array[]): { contribution: Contribution; drain: boolean } {
  const gradients = buckets.slice(0, -2);
  const statistics = at(buckets, buckets.length - 2);
  return { contribution: { gradients, statistics }, drain: at(at(buckets, buckets.length - 1), 0) > 0 };
}
