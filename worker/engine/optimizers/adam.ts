import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';

/**
 * m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); w ← w − α·m / (√v + ε) with α = lr·√(1 − β₂ᵗ) / (1 − β₁ᵗ) and
 * t from 1 (keras/src/optimizers/adam.py, Keras 3).
 */
export function adamRule(config: Extract<OptimizerConfig, { name: 'adam' }>): OptimizerRule {
  const { learningRate, beta1, beta2, epsilon } = config;
  return {
    slots: ['momentum', 'velocity'],
    scalarsAt: (step) => [adamStepSize(learningRate, beta1, beta2, step)],
    update: (gradient, [oldMoment, oldVelocity], [alpha]) => {
      const moment = towards(oldMoment as tf.Tensor, gradient, 1 - beta1);
      const velocity = towards(oldVelocity as tf.Tensor, tf.square(gradient), 1 - beta2);
      const change = tf.neg(tf.div(tf.mul(moment, alpha as tf.Scalar), tf.add(tf.sqrt(velocity), epsilon)));
      return { change, slots: [moment, velocity] };
    },
  };
}

/**
 * Rounded to float32 after every operation, as Keras computes it: 1 − 0.999 in float32 is 4.7e-5 away from 0.001, and
 * that is visible in the first steps' weights.
 */
function adamStepSize(learningRate: number, beta1: number, beta2: number, step: number): number {
  const f = Math.fround;
  const remaining1 = f(1 - f(f(beta1) ** (step + 1)));
  const remaining2 = f(1 - f(f(beta2) ** (step + 1)));
  return f(f(f(learningRate) * f(Math.sqrt(remaining2))) / remaining1);
}

function towards(old: tf.Tensor, goal: tf.Tensor, share: number): tf.Tensor {
  return tf.add(old, tf.mul(tf.sub(goal, old), share));
}
