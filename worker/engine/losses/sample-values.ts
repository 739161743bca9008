import { tf } from '../tf.ts';

/** Keras's `backend.epsilon()`: probabilities are kept this far from 0 and 1. */
export const EPSILON = 1e-7;

/** [rows, …] → [rows], the mean over everything but the first dimension. */
export function meanPerSample(values: tf.Tensor): tf.Tensor1D {
  const rows = values.shape[0] ?? 0;
  return tf.mean(tf.reshape(values, [rows, -1]), 1) as tf.Tensor1D;
}

/** `target` with the prediction's shape and type; they differ at most in dimensions of size 1 (`checkData`). */
export function likePrediction(target: tf.Tensor, prediction: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.cast(target, 'float32'), prediction.shape);
}

/** Class numbers, [rows, …] without the prediction's last dimension, int32. */
export function labelsOf(target: tf.Tensor, prediction: tf.Tensor): tf.Tensor {
  return tf.cast(tf.reshape(target, prediction.shape.slice(0, -1)), 'int32');
}

/** |x| with TensorFlow's gradient, 0 at 0, where that of tf.abs is −1. */
export function absolute(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.sign(x));
}

export function clip(probabilities: tf.Tensor): tf.Tensor {
  return tf.clipByValue(probabilities, EPSILON, 1 - EPSILON);
}
