import type { Batch } from '../../shared/job/index.ts';
import type { EvaluationSums } from './engine.ts';

/** Each real row's loss. @param values as for sumEvaluation */
export function firstColumn(values: Float32Array, realRows: number, columns: number): Float32Array {
  return Float32Array.from({ length: realRows }, (_, row) => values[row * columns] ?? Number.NaN);
}

/**
 * Sums over a batch's real rows, in float64.
 *
 * @param values [rows, 1 + width]: what each row adds to the loss's sum, then to the metrics'
 * @param penalty the regularization, which Keras reports as part of every sample's loss
 * @param width sums of all metrics
 */
export function sumEvaluation(
  values: Float32Array,
  penalty: number,
  { realRows }: Pick<Batch, 'realRows'>,
  width: number,
): EvaluationSums {
  const sums = new Array<number>(1 + width).fill(0);
  for (let row = 0, place = 0; row < realRows; row++) {
    for (let index = 0; index <= width; index++) sums[index] = (sums[index] ?? 0) + (values[place++] ?? 0);
  }
  const [loss = 0, ...metricSums] = sums;
  return { samples: realRows, lossSum: loss + penalty * realRows, metricSums };
}
