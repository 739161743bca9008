/**
 * A loss and a metric of your own: three quantiles of noisy values by the pinball loss. It makes its own data.
 *
 *   npx lockstep train examples/own-loss.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers, tf } from 'lockstep';

/** Values around a wave, with noise that grows along it. */
function values(first: number, samples: number) {
  const at = Float32Array.from({ length: samples }, (_, sample) => ((first + sample) * 0.618034) % 1);
  const noisy = at.map((x, sample) => Math.sin(6 * x) + x * Math.sin(7919 * (first + sample + 1) ** 1.1));
  return datasets.arrays({ inputs: { values: at, shape: [1] }, targets: { values: noisy, shape: [1] } });
}

export default defineJob({
  model: () =>
    models.sequential([
      layers.dense({ units: 24, activation: 'tanh', inputShape: [1] }),
      layers.dense({ units: 24, activation: 'tanh' }),
      layers.dense({ units: 3 }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  /** [batch, 1] and [batch, 3] → [batch, 3] */
  loss: (yTrue, yPred) => {
    const error = tf.sub(yTrue, yPred);
    return tf.maximum(tf.mul(error, [0.1, 0.5, 0.9]), tf.mul(error, [-0.9, -0.5, -0.1]));
  },
  /** How many values lie between the lowest and the highest quantile: 0.8 is right. */
  metrics: [
    function covered(yTrue, yPred) {
      const [low, , high] = tf.split(yPred, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
      return tf.logicalAnd(tf.lessEqual(low, yTrue), tf.lessEqual(yTrue, high));
    },
  ],
  data: { train: values(0, 480), test: values(480, 240) },
  batchSize: 24,
  epochs: 15,
  seed: 1,
});
