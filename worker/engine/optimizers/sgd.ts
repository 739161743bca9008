import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';

/** m ← μm − lr·g; w ← w + m, or with Nesterov w ← w + μm − lr·g (keras/src/optimizers/sgd.py, Keras 3). */
export function sgdRule(config: Extract<OptimizerConfig, { name: 'sgd' }>): OptimizerRule {
  const { momentum, nesterov } = config;
  if (momentum === 0) {
    return {
      slots: [],
      scalarsAt: (_step, rate) => [rate],
      update: (gradient, _slots, [rate]) => ({ change: tf.neg(tf.mul(gradient, rate as tf.Scalar)), slots: [] }),
    };
  }
  return {
    slots: ['momentum'],
    scalarsAt: (_step, rate) => [rate],
    update: (gradient, [previous], [rate]) => {
      const descent = tf.mul(gradient, rate as tf.Scalar);
      const moment = tf.sub(tf.mul(previous as tf.Tensor, momentum), descent);
      return { change: nesterov ? tf.sub(tf.mul(moment, momentum), descent) : moment, slots: [moment] };
    },
  };
}
