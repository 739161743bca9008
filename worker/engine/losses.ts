import type { LossName } from '../../shared/job/index.ts';
import { tf } from './tf.ts';

/** Keras's `backend.epsilon()`: probabilities are kept this far from 0 and 1. */
const EPSILON = 1e-7;

/**
 * Loss of each sample: `target` as the data set delivers it, `prediction` as the model's output, both [rows, …];
 * the result is [rows]. Made of tf ops only, so that it can be differentiated and traced. Only functions of the job's
 * own (own-functions.ts) are ever called with a mask.
 */
export type SampleLoss = (target: tf.Tensor, prediction: tf.Tensor, mask?: tf.Tensor | null) => tf.Tensor1D;

/** The formulas are those of Keras 3 (keras/src/backend/tensorflow/nn.py and keras/src/losses/losses.py). */
export const sampleLosses: { readonly [Name in LossName]: SampleLoss } = {
  meanSquaredError: (target, prediction) =>
    meanPerSample(tf.squaredDifference(likePrediction(target, prediction), prediction)),

  meanAbsoluteError: (target, prediction) =>
    meanPerSample(tf.abs(tf.sub(likePrediction(target, prediction), prediction))),

  // −Σ y·log p over classes, after scaling each sample's p to sum 1
  categoricalCrossentropy: (target, prediction) => {
    const probabilities = clip(tf.div(prediction, tf.sum(prediction, -1, true)));
    return meanPerSample(tf.neg(tf.sum(tf.mul(likePrediction(target, prediction), tf.log(probabilities)), -1)));
  },

  // −log softmax(log p)[label]: the softmax only repairs what clipping did to the sum
  sparseCategoricalCrossentropy: (target, prediction) => {
    const probabilities = clip(prediction);
    const labels = tf.cast(tf.reshape(target, prediction.shape.slice(0, -1)), 'int32');
    const oneHot = tf.cast(tf.oneHot(labels, prediction.shape.at(-1) ?? 1), 'float32');
    const chosen = tf.sum(tf.mul(oneHot, tf.log(probabilities)), -1);
    return meanPerSample(tf.sub(tf.log(tf.sum(probabilities, -1)), chosen));
  },

  binaryCrossentropy: (target, prediction) => {
    const truth = likePrediction(target, prediction);
    const probabilities = clip(prediction);
    const ofOnes = tf.mul(truth, tf.log(probabilities));
    const ofZeros = tf.mul(tf.sub(1, truth), tf.log(tf.sub(1, probabilities)));
    return meanPerSample(tf.neg(tf.add(ofOnes, ofZeros)));
  },
};

/** [rows, …] → [rows], the mean over everything but the first dimension. */
export function meanPerSample(values: tf.Tensor): tf.Tensor1D {
  const rows = values.shape[0] ?? 0;
  return tf.mean(tf.reshape(values, [rows, -1]), 1) as tf.Tensor1D;
}

/** `target` with the prediction's shape and type; they differ at most in dimensions of size 1 (`checkData`). */
export function likePrediction(target: tf.Tensor, prediction: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.cast(target, 'float32'), prediction.shape);
}

function clip(probabilities: tf.Tensor): tf.Tensor {
  return tf.clipByValue(probabilities, EPSILON, 1 - EPSILON);
}
