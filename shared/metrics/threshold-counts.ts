import { at } from '../core/index.ts';
import type { CountName } from '../job/index.ts';

/** Samples at each threshold, by what they are and what a prediction above the threshold makes of them. */
export type ThresholdCounts = { readonly [Name in CountName]: readonly number[] };

/**
 * Counts at `thresholds` thresholds from sums by how many thresholds a prediction exceeds.
 *
 * @param sums [2 · (thresholds + 1)]: positives that exceed 0, 1, 2 … thresholds, then negatives
 */
export function thresholdCounts(sums: readonly number[], thresholds: number): ThresholdCounts {
  const [truePositives, falseNegatives] = above(sums.slice(0, thresholds + 1));
  const [falsePositives, trueNegatives] = above(sums.slice(thresholds + 1));
  return { truePositives, falsePositives, trueNegatives, falseNegatives };
}

/** For each threshold, what exceeds it and the rest. */
function above(buckets: readonly number[]): [exceeding: number[], rest: number[]] {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  const exceeding: number[] = [];
  for (let bucket = buckets.length - 1, sum = 0; bucket > 0; bucket--) {
    sum += at(buckets, bucket);
    exceeding[bucket - 1] = sum;
  }
  return [exceeding, exceeding.map((count) => total - count)];
}

/** 0 where there is nothing to divide by, as in Keras. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
