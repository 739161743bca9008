import { labelsOf, likePrediction, meanPerSample, type SampleLoss } from '../losses.ts';
import { tf } from '../tf.ts';

/** Shares of a sample's predictions that are right. Formulas of keras/src/metrics/accuracy_metrics.py. */
export const categoricalAccuracy: SampleLoss = (target, prediction) =>
  hits(tf.argMax(likePrediction(target, prediction), -1), tf.argMax(prediction, -1));

export const sparseCategoricalAccuracy: SampleLoss = (target, prediction) =>
  hits(labelsOf(target, prediction), tf.argMax(prediction, -1));

/** @param threshold a probability above it predicts the class */
export function binaryAccuracy(threshold: number): SampleLoss {
  return (target, prediction) =>
    hits(likePrediction(target, prediction), tf.cast(tf.greater(prediction, threshold), 'float32'));
}

export function topKCategoricalAccuracy(k: number): SampleLoss {
  return (target, prediction) => inTopK(tf.argMax(likePrediction(target, prediction), -1), prediction, k);
}

export function sparseTopKCategoricalAccuracy(k: number): SampleLoss {
  return (target, prediction) => inTopK(labelsOf(target, prediction), prediction, k);
}

/** Whether fewer than k predictions are greater than the label's: of equal ones all count, as in TensorFlow's InTopK. */
function inTopK(labels: tf.Tensor, prediction: tf.Tensor, k: number): tf.Tensor1D {
  const oneHot = tf.cast(tf.oneHot(labels as tf.Tensor1D, prediction.shape.at(-1) ?? 1), 'float32');
  const own = tf.sum(tf.mul(oneHot, prediction), -1, true);
  const greater = tf.sum(tf.cast(tf.greater(prediction, own), 'float32'), -1);
  return meanPerSample(tf.cast(tf.less(greater, k), 'float32'));
}

function hits(truth: tf.Tensor, predicted: tf.Tensor): tf.Tensor1D {
  return meanPerSample(tf.cast(tf.equal(truth, predicted), 'float32'));
}
