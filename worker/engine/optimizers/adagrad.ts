import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';
import type { OptimizerRule } from './rule.ts';

/**
 * A ← A + g²; w ← w − lr·g / √A, where A starts at a₀ + ε. That is Keras 3's accumulator with its ε, which Keras adds
 * under the root of every step instead (keras/src/optimizers/adagrad.py); TensorFlow's kernel has no place for it there.
 */
export function adagradRule(config: Extract<OptimizerConfig, { name: 'adagrad' }>): OptimizerRule {
  const { initialAccumulatorValue, epsilon } = config;
  return {
    slots: ['accumulator'],
    slotStart: initialAccumulatorValue + epsilon,
    scalarsAt: (_step, rate) => [rate],
    update: (gradient, [old], [rate]) => {
      const accumulator = tf.add(old as tf.Tensor, tf.square(gradient));
      const change = tf.neg(tf.div(tf.mul(gradient, rate as tf.Scalar), tf.sqrt(accumulator)));
      return { change, slots: [accumulator] };
    },
  };
}
