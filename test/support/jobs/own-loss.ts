import { datasets, defineJob, tf } from 'lockstep';

/** A job with a loss and a metric of its own, dropout, and a short last batch. */
export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [8], units: 12, activation: 'tanh' }),
        tf.layers.dropout({ rate: 0.2 }),
        tf.layers.dense({ units: 3 }),
      ],
    }),
  optimizer: 'adam',
  // Pinball loss of three quantiles, [batch, 3].
  loss: (yTrue, yPred) => {
    const error = tf.sub(yTrue, yPred);
    return tf.maximum(tf.mul(error, [0.1, 0.5, 0.9]), tf.mul(error, [-0.9, -0.5, -0.1]));
  },
  metrics: [
    'meanAbsoluteError',
    function covered(yTrue, yPred) {
      const [low, , high] = tf.split(yPred, 3, -1);
      const truth = tf.slice(yTrue, [0, 0], [-1, 1]);
      return tf.logicalAnd(tf.lessEqual(low ?? truth, truth), tf.lessEqual(truth, high ?? truth));
    },
  ],
  data: {
    train: datasets.arrays({
      inputs: { values: Float32Array.from({ length: 8 * 50 }, (_, k) => Math.sin(k * k)), shape: [8] },
      targets: { values: Float32Array.from({ length: 3 * 50 }, (_, k) => Math.cos(Math.floor(k / 3))), shape: [3] },
    }),
    test: datasets.arrays({
      inputs: { values: Float32Array.from({ length: 8 * 19 }, (_, k) => Math.cos(k * k)), shape: [8] },
      targets: { values: Float32Array.from({ length: 3 * 19 }, (_, k) => Math.sin(Math.floor(k / 3))), shape: [3] },
    }),
  },
  batchSize: 24,
  epochs: 2,
});
