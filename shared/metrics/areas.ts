import { at } from '../core/index.ts';
import type { MetricConfig } from '../job/index.ts';
import { ratio, type ThresholdCounts } from './threshold-counts.ts';

type Auc = Extract<MetricConfig, { kind: 'auc' }>;
type Options = Pick<Auc, 'curve' | 'summationMethod'>;

/** The area under a curve through the points at all thresholds (keras/src/metrics/confusion_metrics.py). */
export function area(counts: ThresholdCounts, { curve, summationMethod }: Options): number {
  if (curve === 'PR' && summationMethod === 'interpolation') return interpolatedPrecisionRecall(counts);
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = counts;
  const recall = truePositives.map((hits, index) => ratio(hits, hits + at(falseNegatives, index)));
  const falseAlarms = falsePositives.map((count, index) => ratio(count, count + at(trueNegatives, index)));
  const precision = truePositives.map((hits, index) => ratio(hits, hits + at(falsePositives, index)));
  const [x, y] = curve === 'ROC' ? [falseAlarms, recall] : [recall, precision];
  let sum = 0;
  for (let index = 0; index + 1 < x.length; index++) {
    const [left, right] = [at(y, index), at(y, index + 1)];
    const heights = {
      interpolation: (left + right) / 2,
      minoring: Math.min(left, right),
      majoring: Math.max(left, right),
    };
    sum += (at(x, index) - at(x, index + 1)) * heights[summationMethod];
  }
  return sum;
}

/**
 * Between two thresholds true positives grow linearly with all that is predicted positive, and precision is their ratio
 * (Davis and Goadrich, 2006, section 4); the integral over an interval is slope · (ΔTP + intercept · log(P_B / P_A)).
 */
function interpolatedPrecisionRecall({ truePositives, falsePositives, falseNegatives }: ThresholdCounts): number {
  const predicted = truePositives.map((hits, index) => hits + at(falsePositives, index));
  let sum = 0;
  for (let index = 0; index + 1 < predicted.length; index++) {
    const [more, less] = [at(predicted, index), at(predicted, index + 1)];
    const hits = at(truePositives, index + 1);
    const gained = at(truePositives, index) - hits;
    const slope = ratio(gained, Math.max(more - less, 0));
    const intercept = hits - slope * less;
    const logRatio = more > 0 && less > 0 ? Math.log(more / less) : 0;
    sum += ratio(slope * (gained + intercept * logRatio), Math.max(hits + at(falseNegatives, index + 1), 0));
  }
  return sum;
}
