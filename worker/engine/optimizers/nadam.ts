import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';
import { averagedShare, towards } from './running-average.ts';

const f = Math.fround;

/**
 * m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); m̂ = μₜ₊₁·m / (1 − μ₁⋯μₜ₊₁) + (1 − μₜ)·g / (1 − μ₁⋯μₜ);
 * w ← w − lr·m̂ / (√(v / (1 − β₂ᵗ)) + ε) with μₜ = β₁(1 − ½·0.96ᵗ) and t from 1
 * (keras/src/optimizers/nadam.py, Keras 3). TensorFlow has no kernel for it.
 */
export function nadamRule(config: Extract<OptimizerConfig, { name: 'nadam' }>): OptimizerRule {
  const { beta1, beta2, epsilon } = config;
  return {
    slots: ['momentum', 'velocity'],
    scalarsAt: (step, rate) => {
      const product = momentumProduct(beta1, step + 1);
      const next = momentumOf(beta1, step + 2);
      const momentShare = f(next / f(1 - f(product * next)));
      const gradientShare = f(f(1 - momentumOf(beta1, step + 1)) / f(1 - product));
      return [rate, momentShare, gradientShare, averagedShare(beta2, step)];
    },
    // Unlike Adam, Keras's Nadam takes 1 − β in float32.
    update: (gradient, [oldMoment, oldVelocity], [rate, momentShare, gradientShare, velocityShare]) => {
      const moment = towards(oldMoment as tf.Tensor, gradient, averagedShare(beta1, 0));
      const velocity = towards(oldVelocity as tf.Tensor, tf.square(gradient), averagedShare(beta2, 0));
      const ahead = tf.add(tf.mul(moment, momentShare as tf.Scalar), tf.mul(gradient, gradientShare as tf.Scalar));
      const spread = tf.sqrt(tf.div(velocity, velocityShare as tf.Scalar));
      const change = tf.neg(tf.div(tf.mul(ahead, rate as tf.Scalar), tf.add(spread, epsilon)));
      return { change, slots: [moment, velocity] };
    },
  };
}

/** μₜ */
function momentumOf(beta1: number, t: number): number {
  return f(f(beta1) * warmth(t));
}

/**
 * μ₁⋯μₜ, as Keras accumulates it, but from t alone: a step's update must not depend on which steps this process has
 * seen. It ends once 1 minus the product is 1, after some 170 factors for β₁ = 0.9.
 */
function momentumProduct(beta1: number, t: number): number {
  let product = 1;
  for (let factor = 1; factor <= t; factor++) {
    product = f(f(product * f(beta1)) * warmth(factor));
    if (f(1 - product) === 1) return 0;
  }
  return product;
}

/** 1 − ½·0.96ᵗ; from the 500th step on it is 1 in float32. */
function warmth(t: number): number {
  return t > 500 ? 1 : f(1 - f(0.5 * f(f(0.96) ** t)));
}
