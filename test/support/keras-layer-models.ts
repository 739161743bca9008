import { layers, tf } from '../../worker/engine/index.ts';
import { applyChain, type LayerCase, layerGoldens } from './keras-layer-cases.ts';
import type { LayerModel } from './layer-models.ts';

type Symbolic = tf.SymbolicTensor;

/** What `layers` makes and `tf.layers` does not, or otherwise. */
const names = new Set(
  ['conv1d', 'conv2d', 'depthwiseConv2d', 'separableConv2d', 'zeroPadding1d', 'cropping1d', 'upSampling1d', 'masking']
    .concat(['globalAveragePooling1d', 'gru', 'lstm', 'bidirectional', 'multiHeadAttention', 'positionEmbedding'])
    .concat(['sinePositionEncoding', 'subtract', 'spatialDropout2d', 'reLU', 'elu', 'batchNormalization', 'softmax']),
);

/** Small models around the layers of the parity tests: behind a PReLU, so that their inputs have gradients, and before a dense layer. */
export const kerasLayerModels: readonly LayerModel[] = [
  ...layerGoldens.cases.filter((subject) => subject.layers.some(({ layer }) => names.has(layer))).map(modelAround),
  ...['gru with dropout inside', 'attention with dropout'].map((name, index) => ({
    name: `layers: ${name}`,
    inputs: [{ shape: [5, 4], dtype: 'float32' as const }],
    build: () => {
      const input = tf.input({ shape: [5, 4] });
      const random =
        index === 0
          ? layers.gru({ units: 3, dropout: 0.3, recurrentDropout: 0.2 })
          : layers.multiHeadAttention({ numHeads: 2, keyDim: 3, dropout: 0.3 });
      const made = random.apply(entry(input, 0)) as Symbolic;
      const flat = index === 0 ? made : (tf.layers.flatten().apply(made) as Symbolic);
      return tf.model({ inputs: input, outputs: tf.layers.dense({ units: 2 }).apply(flat) as Symbolic });
    },
  })),
];

export function modelAround(subject: LayerCase): LayerModel {
  const { inputs, vocabulary } = subject;
  const build = (): tf.LayersModel => {
    const symbolic = inputs.map(({ shape }) => tf.input({ shape: shape.slice(1) }));
    const entries = vocabulary === null ? symbolic.map(entry) : symbolic;
    const made = applyChain(subject, entries);
    const flat = made.shape.length > 2 ? (tf.layers.flatten().apply(made) as Symbolic) : made;
    return tf.model({ inputs: symbolic, outputs: tf.layers.dense({ units: 2 }).apply(flat) as Symbolic });
  };
  return {
    name: `layers: ${subject.name}`,
    inputs: inputs.map(({ shape }) => ({ shape: shape.slice(1), dtype: 'float32' })),
    ...(vocabulary === null ? {} : { vocabulary }),
    build,
  };
}

/** A mask among the inputs stays what it is. */
function entry(input: Symbolic, index: number): Symbolic {
  if (index === 3) return input;
  const layer = tf.layers.prelu({ alphaInitializer: tf.initializers.constant({ value: 0.5 }) });
  return layer.apply(input) as Symbolic;
}
