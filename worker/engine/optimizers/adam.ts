import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';
import { averagedShare, towards } from './running-average.ts';

/**
 * m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); w ← w − α·m / (√v + ε) with α = lr·√(1 − β₂ᵗ) / (1 − β₁ᵗ) and
 * t from 1 (keras/src/optimizers/adam.py, Keras 3). AdamW is Adam with weight decay (adamw.py).
 */
export function adamRule(config: Extract<OptimizerConfig, { name: 'adam' | 'adamW' }>): OptimizerRule {
  const { beta1, beta2, epsilon } = config;
  const f = Math.fround;
  return {
    slots: ['momentum', 'velocity'],
    scalarsAt: (step, rate) => [f(f(rate * f(Math.sqrt(averagedShare(beta2, step)))) / averagedShare(beta1, step))],
    update: (gradient, [oldMoment, oldVelocity], [alpha]) => {
      const moment = towards(oldMoment as tf.Tensor, gradient, 1 - beta1);
      const velocity = towards(oldVelocity as tf.Tensor, tf.square(gradient), 1 - beta2);
      const change = tf.neg(tf.div(tf.mul(moment, alpha as tf.Scalar), tf.add(tf.sqrt(velocity), epsilon)));
      return { change, slots: [moment, velocity] };
    },
  };
}
