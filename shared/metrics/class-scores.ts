import { at } from '../core/index.ts';
import type { MetricConfig } from '../job/index.ts';
import type { MetricValue } from './definition.ts';

type OfKind<Kind extends MetricConfig['kind']> = Extract<MetricConfig, { kind: Kind }>;

/** Keras's `backend.epsilon()`, which keeps its divisions from zero. */
const EPSILON = 1e-7;

/**
 * F-scores (keras/src/metrics/f_score_metrics.py).
 * @param sums [3 · classes]: true positives of each class, then false positives, then false negatives
 */
export function fScore(sums: readonly number[], classes: number, beta: number, average: OfKind<'f1Score'>['average']) {
  const counts = [0, 1, 2].map((part) => sums.slice(part * classes, (part + 1) * classes));
  const [hits, falseAlarms, misses] = (average === 'micro' ? counts.map((values) => [total(values)]) : counts) as [
    number[],
    number[],
    number[],
  ];
  const scores = hits.map((hit, index) => {
    const precision = hit / (hit + at(falseAlarms, index) + EPSILON);
    const recall = hit / (hit + at(misses, index) + EPSILON);
    return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall + EPSILON);
  });
  if (average === null) return scores;
  if (average !== 'weighted') return total(scores) / scores.length;
  const support = hits.map((hit, index) => hit + at(misses, index));
  const all = total(support) + EPSILON;
  return scores.reduce((sum, score, index) => sum + (score * at(support, index)) / all, 0);
}

/** @param sums [classes · classes], row by row */
export function matrixOf(sums: readonly number[], classes: number): readonly (readonly number[])[] {
  return Array.from({ length: classes }, (_, row) => sums.slice(row * classes, (row + 1) * classes));
}

/** Mean over `targets` of intersection over union, classes that never occur left out (keras/src/metrics/iou_metrics.py). */
export function meanIntersectionOverUnion(
  sums: readonly number[],
  classes: number,
  targets: readonly number[],
): number {
  const matrix = matrixOf(sums, classes);
  let sum = 0;
  let valid = 0;
  for (const target of targets) {
    const hits = at(at(matrix, target), target);
    const union = total(at(matrix, target)) + total(matrix.map((row) => at(row, target))) - hits;
    if (union <= 1e-9) continue;
    sum += hits / (union + EPSILON);
    valid++;
  }
  return sum / (valid + EPSILON);
}

/**
 * R² (keras/src/metrics/regression_metrics.py).
 * @param sums [3 · values]: Σy of each value of the output, then Σy², then Σ(y − p)²
 */
export function r2Score(
  sums: readonly number[],
  { values, count, samples }: { readonly values: number; readonly count: number; readonly samples: number },
  { classAggregation, numRegressors }: OfKind<'r2Score'>,
): MetricValue {
  const spread = Array.from({ length: values }, (_, index) => at(sums, values + index) - at(sums, index) ** 2 / count);
  const scores = spread.map((all, index) => {
    const score = 1 - at(sums, 2 * values + index) / all;
    return Math.abs(score) === Number.POSITIVE_INFINITY ? 0 : score;
  });
  // Keras counts each value of the output as a sample here.
  const left = samples * values - numRegressors - 1;
  const adjusted = (score: number): number =>
    numRegressors === 0 || left <= 0 ? score : 1 - ((1 - score) * (samples * values - 1)) / left;
  if (classAggregation === null) return scores.map(adjusted);
  if (classAggregation === 'uniform_average') return adjusted(total(scores) / values);
  const weighted = scores.reduce((sum, score, index) => sum + score * at(spread, index), 0);
  return adjusted(weighted / total(spread));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
