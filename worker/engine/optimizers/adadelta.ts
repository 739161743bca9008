import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';
import { decayed } from './running-average.ts';

/**
 * G ← ρG + (1 − ρ)g²; d = −g·√(D + ε) / √(G + ε); D ← ρD + (1 − ρ)d²; w ← w + lr·d
 * (keras/src/optimizers/adadelta.py, Keras 3).
 */
export function adadeltaRule(config: Extract<OptimizerConfig, { name: 'adadelta' }>): OptimizerRule {
  const { rho, epsilon } = config;
  return {
    slots: ['accumulatedGradient', 'accumulatedChange'],
    scalarsAt: (_step, rate) => [rate],
    update: (gradient, [oldGradients, oldChanges], [rate]) => {
      const rms = (squares: tf.Tensor): tf.Tensor => tf.sqrt(tf.add(squares, epsilon));
      const gradients = decayed(oldGradients as tf.Tensor, tf.square(gradient), rho);
      const direction = tf.neg(tf.div(tf.mul(rms(oldChanges as tf.Tensor), gradient), rms(gradients)));
      const changes = decayed(oldChanges as tf.Tensor, tf.square(direction), rho);
      return { change: tf.mul(direction, rate as tf.Scalar), slots: [gradients, changes] };
    },
  };
}
