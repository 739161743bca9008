import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';
import { decayed } from './running-average.ts';

/**
 * v ← ρv + (1 − ρ)g²; centered also a ← ρa + (1 − ρ)g; i = lr·g / √(v − a² + ε); with momentum n ← μn + i and
 * w ← w − n, else w ← w − i (keras/src/optimizers/rmsprop.py, Keras 3).
 */
export function rmspropRule(config: Extract<OptimizerConfig, { name: 'rmsprop' }>): OptimizerRule {
  const { rho, momentum, epsilon, centered } = config;
  const slots = ['velocity', ...(centered ? ['averageGradient'] : []), ...(momentum > 0 ? ['momentum'] : [])];
  return {
    slots,
    scalarsAt: (_step, rate) => [rate],
    update: (gradient, old, [rate]) => {
      const slot = (name: string): tf.Tensor => old[slots.indexOf(name)] as tf.Tensor;
      const velocity = decayed(slot('velocity'), tf.square(gradient), rho);
      const updated = [velocity];
      let variance = velocity;
      if (centered) {
        const average = decayed(slot('averageGradient'), gradient, rho);
        updated.push(average);
        variance = tf.sub(velocity, tf.square(average));
      }
      let descent = tf.div(tf.mul(gradient, rate as tf.Scalar), tf.sqrt(tf.add(variance, epsilon)));
      if (momentum > 0) {
        descent = tf.add(tf.mul(slot('momentum'), momentum), descent);
        updated.push(descent);
      }
      return { change: tf.neg(descent), slots: updated };
    },
  };
}
