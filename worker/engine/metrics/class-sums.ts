import { labelsOf, likePrediction } from '../losses.ts';
import type { TargetEncoding } from '../target-encoding.ts';
import { tf } from '../tf.ts';
import type { SampleMetric } from './sample-metric.ts';

/**
 * True positives of each class, false positives, false negatives: [rows, 3 · classes].
 * @param threshold outputs above it predict their class; null: the greatest does (keras/src/metrics/f_score_metrics.py)
 */
export function fScoreSums(threshold: number | null): SampleMetric {
  return (target, prediction) => {
    const truth = likePrediction(target, prediction);
    const above =
      threshold === null
        ? tf.logicalAnd(tf.greaterEqual(prediction, tf.max(prediction, -1, true)), tf.greater(tf.abs(prediction), 1e-9))
        : tf.greater(prediction, threshold);
    const predicted = tf.cast(above, 'float32');
    const missed = tf.sub(1, predicted);
    return tf.concat([tf.mul(predicted, truth), tf.mul(predicted, tf.sub(1, truth)), tf.mul(missed, truth)], 1);
  };
}

/** Σy of each value of the output, Σy², Σ(y − p)²: [rows, 3 · values]. */
export const r2Sums: SampleMetric = (target, prediction) => {
  const truth = likePrediction(target, prediction);
  return tf.concat([truth, tf.square(truth), tf.squaredDifference(truth, prediction)], 1);
};

/** Class numbers of a tensor, [rows, …] of int32. */
type Classes = (target: tf.Tensor, prediction: tf.Tensor) => tf.Tensor;

/** Pairs of true and predicted classes, [rows, classes · classes]: rows of the matrix are the true ones. */
function pairs(classes: number, truth: Classes, predicted: Classes, ignored: number | null = null): SampleMetric {
  const oneHot = (labels: tf.Tensor, rows: number): tf.Tensor =>
    tf.cast(tf.oneHot(tf.reshape(labels, [rows, -1]) as unknown as tf.Tensor1D, classes), 'float32');
  return (target, prediction) => {
    const rows = prediction.shape[0] ?? 0;
    const labels = truth(target, prediction);
    // A label outside of the classes has a row of zeros.
    const outside = tf.fill(labels.shape, classes, 'int32');
    const known = ignored === null ? labels : tf.where(tf.equal(labels, ignored), outside, labels);
    const matrix = tf.matMul(oneHot(known, rows), oneHot(predicted(target, prediction), rows), true);
    return tf.reshape(matrix, [rows, classes * classes]);
  };
}

const greatest: Classes = (_target, prediction) => tf.argMax(prediction, -1);
const rounded = (values: tf.Tensor): tf.Tensor => tf.cast(values, 'int32');

/** @param threshold for one output of two classes: above it is class 1 */
export function confusionSums(encoding: TargetEncoding, classes: number, threshold: number): SampleMetric {
  if (encoding === 'binary') {
    return pairs(2, rounded, (_target, prediction) => rounded(tf.greater(prediction, threshold)));
  }
  if (encoding === 'sparse') return pairs(classes, labelsOf, greatest);
  return pairs(classes, (target, prediction) => tf.argMax(likePrediction(target, prediction), -1), greatest);
}

export interface IouOptions {
  readonly numClasses: number;
  readonly ignoreClass: number | null;
  readonly sparseYTrue: boolean;
  readonly sparseYPred: boolean;
}

/** Keras's `sparse…` say of targets and outputs whether they are class numbers themselves. */
export function iouSums({ numClasses, ignoreClass, sparseYTrue, sparseYPred }: IouOptions): SampleMetric {
  const truth: Classes = (target) => (sparseYTrue ? rounded(target) : tf.argMax(target, -1));
  const predicted: Classes = sparseYPred ? (_target, prediction) => rounded(prediction) : greatest;
  return pairs(numClasses, truth, predicted, ignoreClass);
}

export function binaryIouSums(threshold: number): SampleMetric {
  return pairs(2, rounded, (_target, prediction) => rounded(tf.greaterEqual(prediction, threshold)));
}
