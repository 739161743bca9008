import { datasets, defineJob, metrics, tf } from 'lockstep';

const SAMPLES = 90;
const TESTED = 19;

/** Points of three classes, by the thirds of a circle: learnt in a few epochs. */
function points(count: number, offset: number) {
  const angles = Array.from({ length: count }, (_, index) => (index * 2.399963 + offset) % (2 * Math.PI));
  return {
    inputs: { values: Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])), shape: [2] },
    targets: [
      { values: Float32Array.from(angles, (angle) => Math.cos(angle) ** 2), shape: [1] },
      { values: Int32Array.from(angles, (angle) => Math.floor(angle / 2.1)), shape: [] },
    ],
  };
}

/** A model with two outputs, losses by output, metrics of one and of several numbers, and a short last batch. */
export default defineJob({
  model: () => {
    const input = tf.input({ shape: [2] });
    const hidden = tf.layers.dense({ units: 16, activation: 'tanh' }).apply(input) as tf.SymbolicTensor;
    const size = tf.layers.dense({ units: 1, name: 'size' }).apply(hidden) as tf.SymbolicTensor;
    const shape = tf.layers
      .dense({ units: 3, activation: 'softmax', name: 'shape' })
      .apply(hidden) as tf.SymbolicTensor;
    return tf.model({ inputs: input, outputs: [size, shape] });
  },
  optimizer: 'adam',
  loss: { size: 'meanSquaredError', shape: 'sparseCategoricalCrossentropy' },
  lossWeights: { size: 0.5 },
  metrics: {
    size: [metrics.r2Score(), 'meanAbsoluteError'],
    shape: ['accuracy', metrics.sparseTopKCategoricalAccuracy({ k: 2 }), 'confusionMatrix'],
  },
  data: {
    train: datasets.arrays(points(SAMPLES, 0)),
    validation: datasets.arrays(points(TESTED, 0.01)),
    test: datasets.arrays(points(TESTED, 0.02)),
  },
  batchSize: 24,
  epochs: 3,
});
