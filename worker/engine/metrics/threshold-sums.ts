import type { ThresholdPlan } from '../../../shared/metrics/index.ts';
import { likePrediction } from '../losses.ts';
import { tf } from '../tf.ts';
import type { SampleMetric } from './sample-metric.ts';

export interface ThresholdOptions {
  readonly plan: ThresholdPlan;
  /** Only the k greatest values of the last axis can exceed a threshold. */
  readonly topK?: number | null;
  /** Only this place of the last axis. */
  readonly classId?: number | null;
  /** Apart for each value of the output. */
  readonly multiLabel?: boolean;
  /** Of each value of the output, where they are not apart. */
  readonly labelWeights?: readonly number[] | null;
  readonly fromLogits?: boolean;
}

/** Below every threshold (keras/src/metrics/metrics_utils.py, NEG_INF). */
const LEAST = -1e10;

/**
 * Positives, then negatives, by how many thresholds their prediction exceeds: [rows, 2 · (thresholds + 1)], or as many for
 * each value of the output. `thresholdCounts` makes true and false ones of their sums.
 */
export function thresholdSums(options: ThresholdOptions): SampleMetric {
  const { plan, topK = null, classId = null, multiLabel = false, labelWeights = null, fromLogits = false } = options;
  const depth = plan.thresholds.length + 1;
  return (target, prediction) => {
    const rows = prediction.shape[0] ?? 0;
    let predicted = fromLogits ? tf.sigmoid(prediction) : prediction;
    let truth: tf.Tensor = tf.cast(tf.notEqual(likePrediction(target, prediction), 0), 'float32');
    if (topK !== null) predicted = onlyTopK(predicted, topK);
    if (classId !== null) {
      predicted = tf.gather(predicted, [classId], -1);
      truth = tf.gather(truth, [classId], -1);
    }
    const flat = tf.reshape(predicted, [rows, -1]); // [rows, values]
    const buckets = tf.cast(tf.oneHot(exceeded(flat, plan) as unknown as tf.Tensor1D, depth), 'float32');
    const weights = labelWeights === null ? 1 : tf.tensor2d([...labelWeights], [1, labelWeights.length]);
    const positive = tf.reshape(truth, flat.shape);
    const sums = [positive, tf.sub(1, positive)].map((side) =>
      tf.mul(buckets, tf.expandDims(tf.mul(side, weights), -1)),
    );
    const both = tf.concat(sums, 2); // [rows, values, 2 · depth]
    return tf.reshape(multiLabel ? both : tf.sum(both, 1), [rows, -1]);
  };
}

/** How many thresholds each value exceeds, int32. */
function exceeded(predicted: tf.Tensor, { thresholds, even, open }: ThresholdPlan): tf.Tensor {
  if (even) {
    const place = tf.ceil(tf.mul(tf.clipByValue(predicted, 0, 1), thresholds.length - 1));
    return tf.cast(open ? tf.maximum(place, 1) : place, 'int32');
  }
  const over = tf.greater(tf.expandDims(predicted, -1), tf.tensor1d([...thresholds]));
  return tf.cast(tf.sum(tf.cast(over, 'float32'), -1), 'int32');
}

/** All but the k greatest values of the last axis become −1e10; of equal ones the first count. */
function onlyTopK(predicted: tf.Tensor, k: number): tf.Tensor {
  const { indices } = tf.topk(predicted, k);
  const chosen = tf.sum(tf.cast(tf.oneHot(indices as tf.Tensor1D, predicted.shape.at(-1) ?? 1), 'float32'), -2);
  return tf.add(tf.mul(predicted, chosen), tf.mul(LEAST, tf.sub(1, chosen)));
}
