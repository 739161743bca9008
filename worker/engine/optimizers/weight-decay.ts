import { tf } from '../tf.ts';

/**
 * What decoupled weight decay takes off a weight before its update: w·wd·lr
 * (keras/src/backend/tensorflow/optimizer.py, Keras 3).
 */
export function decayOf(weight: tf.Tensor, weightDecay: number, rate: tf.Scalar): tf.Tensor {
  return tf.mul(tf.mul(weight, weightDecay), rate);
}
