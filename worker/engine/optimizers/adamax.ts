import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';
import { averagedShare, towards } from './running-average.ts';

/**
 * m ← m + (g − m)(1 − β₁); u ← max(β₂u, |g|); w ← w − lr / (1 − β₁ᵗ) · m / (u + ε) with t from 1
 * (keras/src/optimizers/adamax.py, Keras 3).
 */
export function adamaxRule(config: Extract<OptimizerConfig, { name: 'adamax' }>): OptimizerRule {
  const { beta1, beta2, epsilon } = config;
  return {
    slots: ['momentum', 'norm'],
    scalarsAt: (step, rate) => [Math.fround(rate / averagedShare(beta1, step))],
    update: (gradient, [oldMoment, oldNorm], [alpha]) => {
      const moment = towards(oldMoment as tf.Tensor, gradient, 1 - beta1);
      const norm = tf.maximum(tf.mul(oldNorm as tf.Tensor, beta2), tf.abs(gradient));
      const change = tf.neg(tf.div(tf.mul(moment, alpha as tf.Scalar), tf.add(norm, epsilon)));
      return { change, slots: [moment, norm] };
    },
  };
}
