import { tf } from '../tf.ts';

/** The running average ρ·old + (1 − ρ)·value. */
export function decayed(old: tf.Tensor, value: tf.Tensor, rho: number): tf.Tensor {
  return tf.add(tf.mul(old, rho), tf.mul(value, 1 - rho));
}
