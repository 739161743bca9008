import { invariant, LockstepError } from '../../shared/core/index.ts';
import type { EvaluationShare } from '../../shared/run/index.ts';
import { type SamplingPlan, stepsPerEpoch } from '../../shared/sampling/index.ts';
import type { BatchLoader } from '../data/index.ts';
import type { Trainer } from '../engine/index.ts';
import type { Link } from './link.ts';
import type { GenerationView } from './protocol.ts';

/**
 * One pass over a data set: each hosted replica's sums, in float64. The coordinator adds the replicas' sums in their
 * order, so that the result is exact and the same for any placement.
 */
export async function evaluateReplicas(
  parts: { trainer: Trainer; loader: BatchLoader; link: Link; plan: SamplingPlan; generation: GenerationView },
  split: EvaluationShare['split'],
  step: number,
): Promise<EvaluationShare[]> {
  const { trainer, loader, link, plan } = parts;
  const { replicas } = parts.generation;
  const endStep = stepsPerEpoch(plan);
  const sums = new Map<number, { samples: number; lossSum: number; metricSums: number[] }>();
  loader.start({ plan, replicas, firstStep: 0, endStep });
  for (let count = endStep * (replicas.end - replicas.start); count > 0; count--) {
    const { replica, batch } = await loader.next();
    link.throwIfStopped();
    link.board.enter('evaluate', step);
    const part = trainer.evaluate(batch);
    loader.recycle(batch);
    const sum = sums.get(replica) ?? { samples: 0, lossSum: 0, metricSums: part.metricSums.map(() => 0) };
    sum.samples += part.samples;
    sum.lossSum += part.lossSum;
    for (const [metric, value] of part.metricSums.entries())
      sum.metricSums[metric] = (sum.metricSums[metric] ?? 0) + value;
    sums.set(replica, sum);
  }
  for (const [replica, { lossSum }] of sums) assertFinite(lossSum, split, step, replica);
  invariant(sums.size === replicas.end - replicas.start, 'every hosted replica was evaluated');
  return [...sums].map(([replica, sum]) => ({ split, step, replica, ...sum }));
}

function assertFinite(lossSum: number, split: EvaluationShare['split'], step: number, replica: number): void {
  if (Number.isFinite(lossSum)) return;
  throw new LockstepError(
    'engine/non-finite',
    `the ${split} loss after ${step} steps is ${lossSum} (replica ${replica}): training diverged, or the data holds ` +
      'such values; nothing is saved',
    { details: { step, replica, split } },
  );
}
