import { tf } from '../tf.ts';

/** The running average ρ·old + (1 − ρ)·value. */
export function decayed(old: tf.Tensor, value: tf.Tensor, rho: number): tf.Tensor {
  return tf.add(tf.mul(old, rho), tf.mul(value, 1 - rho));
}

/** The same average as Adam and its kin compute it: old + (value − old)·share, where `share` is 1 − β. */
export function towards(old: tf.Tensor, value: tf.Tensor, share: number): tf.Tensor {
  return tf.add(old, tf.mul(tf.sub(value, old), share));
}

/**
 * 1 − βᵗ for the `step`-th step from 0 (t = step + 1): how much of a running average that started at 0 is real. Rounded
 * to float32 after every operation, as Keras computes it: 1 − 0.999 in float32 is 4.7e-5 away from 0.001, and that is
 * visible in the first steps' weights.
 */
export function averagedShare(beta: number, step: number): number {
  const f = Math.fround;
  return f(1 - f(f(beta) ** (step + 1)));
}
