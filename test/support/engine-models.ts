import { tf } from '../../worker/engine/index.ts';

const softmax = () => tf.layers.dense({ units: 3, activation: 'softmax' });

export function normalizedModel(): tf.LayersModel {
  return tf.sequential({ layers: [tf.layers.batchNormalization({ inputShape: [6], momentum: 0.9 }), softmax()] });
}

export function regularizedModel(): tf.LayersModel {
  const kernelRegularizer = tf.regularizers.l2({ l2: 0.1 });
  return tf.sequential({ layers: [tf.layers.dense({ inputShape: [6], units: 8, kernelRegularizer }), softmax()] });
}

/** Everything that draws random numbers or keeps statistics. */
export function noisyModel(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.gaussianNoise({ inputShape: [6], stddev: 0.1 }),
      tf.layers.dense({ units: 8, activation: 'relu' }),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.batchNormalization(),
      softmax(),
    ],
  });
}

/** The gradient of its weights shows which inputs were dropped. */
export function dropoutOnly(seed: number | undefined): tf.LayersModel {
  const dropout = tf.layers.dropout({ rate: 0.5, inputShape: [6], ...(seed === undefined ? {} : { seed }) });
  return tf.sequential({ layers: [dropout, tf.layers.dense({ units: 3 })] });
}

export function partlyFrozenModel(): tf.LayersModel {
  const frozen = tf.layers.dense({ inputShape: [6], units: 8, activation: 'tanh' });
  frozen.trainable = false;
  return tf.sequential({ layers: [frozen, softmax()] });
}

/** Wrappers, cells and a nested model: all the ways in which layers hold others. */
export function deepModel(): tf.LayersModel {
  const inner = tf.sequential({
    layers: [tf.layers.dense({ inputShape: [4], units: 4 }), tf.layers.dense({ units: 4 })],
  });
  const input = tf.input({ shape: [5, 6] });
  const both = tf.layers
    .bidirectional({ layer: tf.layers.lstm({ units: 2, returnSequences: true }), mergeMode: 'concat' })
    .apply(input);
  const each = tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 4 }) }).apply(both);
  const last = tf.layers.gru({ units: 4 }).apply(each);
  return tf.model({ inputs: input, outputs: softmax().apply(inner.apply(last)) as tf.SymbolicTensor });
}

export function twoByTwoModel(): tf.LayersModel {
  const inputs = [tf.input({ shape: [6] }), tf.input({ shape: [6] })];
  const joined = tf.layers.concatenate().apply(inputs);
  return tf.model({ inputs, outputs: [softmax().apply(joined), softmax().apply(joined)] as tf.SymbolicTensor[] });
}

export function untrainableModel(): tf.LayersModel {
  return tf.sequential({ layers: [tf.layers.activation({ inputShape: [3], activation: 'softmax' })] });
}

export function statefulModel(): tf.LayersModel {
  return tf.sequential({
    layers: [tf.layers.lstm({ units: 3, stateful: true, batchInputShape: [4, 5, 6] }), softmax()],
  });
}
