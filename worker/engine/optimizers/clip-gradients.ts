import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { tf } from '../tf.ts';

/** A function of the reduced gradients of all trainable weights, in the model's order. */
export type Clip = (gradients: readonly tf.Tensor[]) => tf.Tensor[];

/**
 * How `config` clips gradients, or null if it doesn't (keras/src/optimizers/base_optimizer.py, Keras 3). Reduced
 * gradients have the same bits on all workers, and so have their norms.
 */
export function clipFor({ clipValue, clipNorm, globalClipNorm }: OptimizerConfig): Clip | null {
  if (clipNorm !== undefined) {
    // g·c / max(‖g‖, c), for each weight
    return (gradients) =>
      gradients.map((gradient) =>
        tf.div(tf.mul(gradient, clipNorm), tf.maximum(tf.sqrt(squaredNorm(gradient)), clipNorm)),
      );
  }
  if (globalClipNorm !== undefined) {
    return (gradients) => {
      const norm = tf.sqrt(tf.sum(tf.stack(gradients.map(squaredNorm))));
      // c·min(1 / ‖g‖, 1 / c); the last term makes it NaN for an infinite norm, where the minimum would be 0.
      const scale = tf.add(tf.mul(tf.minimum(tf.div(1, norm), 1 / globalClipNorm), globalClipNorm), tf.sub(norm, norm));
      return gradients.map((gradient) => tf.mul(gradient, scale));
    };
  }
  if (clipValue !== undefined) {
    return (gradients) => gradients.map((gradient) => tf.maximum(tf.minimum(gradient, clipValue), -clipValue));
  }
  return null;
}

function squaredNorm(gradient: tf.Tensor): tf.Scalar {
  return tf.sum(tf.square(gradient));
}
