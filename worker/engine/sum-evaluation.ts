import type { Batch } from '../../shared/job/index.ts';
import type { EvaluationSums } from './engine.ts';

/**
 * Weighted sums over a batch's real rows, in float64.
 *
 * @param values [1 + metrics, rows]: each row's loss, then its metrics
 * @param penalty the regularization, which Keras reports as part of every sample's loss
 */
export function sumEvaluation(
  values: Float32Array,
  penalty: number,
  batch: Batch,
  rows: number,
  metricCount: number,
): EvaluationSums {
  const sums = new Array<number>(1 + metricCount).fill(0);
  for (const index of sums.keys()) {
    let sum = 0;
    for (let row = 0; row < batch.realRows; row++) sum += (values[index * rows + row] ?? 0) * (batch.weights[row] ?? 0);
    sums[index] = sum;
  }
  const [loss = 0, ...metricSums] = sums;
  return { samples: batch.realRows, lossSum: loss + penalty * batch.realRows, metricSums };
}
