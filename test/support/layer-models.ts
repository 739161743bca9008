import type { TensorSpec } from '../../shared/job/index.ts';
import { tf } from '../../worker/engine/index.ts';

type Layer = tf.layers.Layer;
type Symbolic = tf.SymbolicTensor;

/** A small model around one layer, or a few. */
export interface LayerModel {
  readonly name: string;
  readonly inputs: readonly TensorSpec[];
  /** Inputs are whole numbers below this, as an embedding wants them; otherwise normal. */
  readonly vocabulary?: number;
  build(): tf.LayersModel;
}

const vector = [6];
const sequence = [5, 4]; // [time, features]
const image = [7, 7, 3];
const volume = [5, 5, 5, 2];

/**
 * The layers that tfjs-layers can train, with the options that change their ops. What is under test stands behind a
 * PReLU and before a dense layer, so that it has to give gradients for its input as well.
 */
export const layerModels: readonly LayerModel[] = [
  ...(['elu', 'hardSigmoid', 'linear', 'relu', 'relu6', 'selu', 'sigmoid', 'softmax', 'softplus'] as const).map(dense),
  ...(['softsign', 'tanh', 'swish', 'mish', 'gelu', 'gelu_new'] as const).map(dense),
  one('dense over a sequence', sequence, () => tf.layers.dense({ units: 3 })),
  one('dense without bias', vector, () => tf.layers.dense({ units: 3, useBias: false })),
  one('dense with regularizers', vector, () => {
    const regularizer = tf.regularizers.l1l2({ l1: 0.01, l2: 0.02 });
    const options = { kernelRegularizer: regularizer, biasRegularizer: regularizer };
    return tf.layers.dense({ units: 3, ...options });
  }),

  one('conv1d', sequence, () => tf.layers.conv1d({ filters: 3, kernelSize: 2 })),
  one('conv1d same, strided', sequence, () =>
    tf.layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same', strides: 2, activation: 'relu' }),
  ),
  one('conv2d', image, () => tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' })),
  one('conv2d same, strided', image, () =>
    tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', strides: 2, useBias: false }),
  ),
  one('conv2d 1×1', image, () => tf.layers.conv2d({ filters: 3, kernelSize: 1 })),
  one('conv3d', volume, () => tf.layers.conv3d({ filters: 2, kernelSize: 2, padding: 'same' })),
  one('conv2dTranspose', image, () => tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2 })),
  one('conv2dTranspose same', image, () =>
    tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu' }),
  ),
  one('depthwiseConv2d', image, () => tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 })),
  one('depthwiseConv2d same, strided', image, () =>
    tf.layers.depthwiseConv2d({ kernelSize: 3, strides: 2, padding: 'same' }),
  ),
  one('separableConv2d', image, () => tf.layers.separableConv2d({ filters: 4, kernelSize: 3 })),

  one('maxPooling1d', sequence, () => tf.layers.maxPooling1d({ poolSize: 2 })),
  one('averagePooling1d', sequence, () => tf.layers.averagePooling1d({ poolSize: 2, padding: 'same' })),
  chain('maxPooling2d behind a ReLU', image, () => [
    tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
  ]),
  chain('overlapping maxPooling2d behind a ReLU', image, () => [
    tf.layers.conv2d({ filters: 3, kernelSize: 2, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize: 3, strides: 1, padding: 'same' }),
  ]),
  chain('two readers of a ReLU that is pooled', image, () => [
    tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }),
    twice((x) => [tf.layers.maxPooling2d({ poolSize: 5 }).apply(x), tf.layers.globalMaxPooling2d({}).apply(x)]),
  ]),
  one('averagePooling2d', image, () => tf.layers.averagePooling2d({ poolSize: 2, strides: 1, padding: 'same' })),
  one('maxPooling3d', volume, () => tf.layers.maxPooling3d({ poolSize: 2 })),
  one('averagePooling3d', volume, () => tf.layers.averagePooling3d({ poolSize: 2 })),
  one('globalAveragePooling1d', sequence, () => tf.layers.globalAveragePooling1d()),
  one('globalMaxPooling1d', sequence, () => tf.layers.globalMaxPooling1d()),
  one('globalAveragePooling2d', image, () => tf.layers.globalAveragePooling2d({})),
  one('globalMaxPooling2d', image, () => tf.layers.globalMaxPooling2d({})),
  one('upSampling2d', image, () => tf.layers.upSampling2d({ size: [2, 2] })),
  one('zeroPadding2d', image, () => tf.layers.zeroPadding2d({ padding: 1 })),
  one('cropping2D', image, () => tf.layers.cropping2D({ cropping: [1, 2] })),

  one('batchNormalization', vector, () => tf.layers.batchNormalization()),
  one('batchNormalization of an image', image, () => tf.layers.batchNormalization({ momentum: 0.9 })),
  one('batchNormalization of a sequence', sequence, () => tf.layers.batchNormalization({ epsilon: 0.01 })),
  one('layerNormalization', sequence, () => tf.layers.layerNormalization()),
  one('layerNormalization over two axes', image, () => tf.layers.layerNormalization({ axis: [1, 3] })),
  one('layerNormalization without weights', vector, () =>
    tf.layers.layerNormalization({ center: false, scale: false }),
  ),

  one('dropout', vector, () => tf.layers.dropout({ rate: 0.4 })),
  one('dropout with a noise shape', sequence, () => tf.layers.dropout({ rate: 0.4, noiseShape: [1, 5, 1] })),
  one('spatialDropout1d', sequence, () => tf.layers.spatialDropout1d({ rate: 0.4 })),
  one('gaussianNoise', vector, () => tf.layers.gaussianNoise({ stddev: 0.3 })),
  one('gaussianDropout', vector, () => tf.layers.gaussianDropout({ rate: 0.4 })),
  one('alphaDropout', vector, () => tf.layers.alphaDropout({ rate: 0.4 })),

  ...[true, false].flatMap((sigmoid) => recurrent(sigmoid)),
  one('stacked LSTMs', sequence, () => tf.layers.rnn({ cell: [lstmCell(), lstmCell()] as never })),
  one('convLstm2d', [3, 5, 5, 2], () => tf.layers.convLstm2d({ filters: 2, kernelSize: 3 })),
  one('convLstm2d of sequences', [3, 5, 5, 2], () =>
    tf.layers.convLstm2d({ filters: 2, kernelSize: 3, padding: 'same', returnSequences: true }),
  ),
  ...(['concat', 'sum', 'mul', 'ave'] as const).map((mergeMode) =>
    one(`bidirectional LSTM, ${mergeMode}`, sequence, () => {
      const layer = tf.layers.lstm({ units: 3, recurrentActivation: 'sigmoid', returnSequences: true });
      return tf.layers.bidirectional({ layer: layer as never, mergeMode });
    }),
  ),
  one('bidirectional GRU', sequence, () =>
    tf.layers.bidirectional({ layer: tf.layers.gru({ units: 3 }) as never, mergeMode: 'concat' }),
  ),
  one('timeDistributed dense', sequence, () => tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 3 }) })),
  one('timeDistributed conv2d', [2, 5, 5, 2], () =>
    tf.layers.timeDistributed({ layer: tf.layers.conv2d({ filters: 2, kernelSize: 3 }) }),
  ),

  embedded('embedding', false, () => []),
  embedded('embedding and LSTM', false, () => [tf.layers.lstm({ units: 3, recurrentActivation: 'sigmoid' })]),
  embedded('masked embedding and LSTM', true, () => [tf.layers.lstm({ units: 3, recurrentActivation: 'sigmoid' })]),
  embedded('masked embedding and LSTM of sequences', true, () => [tf.layers.lstm({ units: 3, returnSequences: true })]),
  embedded('masked embedding and GRU', true, () => [tf.layers.gru({ units: 3 })]),
  embedded('masked embedding and SimpleRNN', true, () => [tf.layers.simpleRNN({ units: 3 })]),
  {
    name: 'masking and LSTM',
    inputs: [float(sequence)],
    // First, as masking has to be: what it tests has no gradient.
    build: () => {
      const layers = [tf.layers.masking({ maskValue: 0, inputShape: sequence }), tf.layers.lstm({ units: 3 })];
      return tf.sequential({ layers: [...layers, tf.layers.dense({ units: 2 })] });
    },
  },

  one('prelu with shared axes', image, () => tf.layers.prelu({ sharedAxes: [1, 2], alphaInitializer: 'ones' })),
  one('leakyReLU', vector, () => tf.layers.leakyReLU({ alpha: 0.2 })),
  one('elu layer', vector, () => tf.layers.elu()),
  one('reLU layer with a ceiling', vector, () => tf.layers.reLU({ maxValue: 1 })),
  one('softmax layer', sequence, () => tf.layers.softmax({ axis: -1 })),
  one('flatten', image, () => tf.layers.flatten()),
  one('repeatVector', vector, () => tf.layers.repeatVector({ n: 3 })),
  one('reshape', vector, () => tf.layers.reshape({ targetShape: [2, 3] })),
  one('permute', sequence, () => tf.layers.permute({ dims: [2, 1] })),
  one('rescaling', vector, () => tf.layers.rescaling({ scale: 0.5, offset: 1 })),

  ...(['add', 'average', 'maximum', 'minimum', 'multiply', 'concatenate'] as const).map((merge) =>
    chain(merge, vector, () => [
      twice((x) =>
        tf.layers[merge]().apply([
          tf.layers.dense({ units: 3 }).apply(x),
          tf.layers.dense({ units: 3 }).apply(x),
        ] as Symbolic[]),
      ),
    ]),
  ),
  chain('dot', vector, () => [
    twice((x) =>
      tf.layers.dot({ axes: -1, normalize: false }).apply([x, tf.layers.dense({ units: 6 }).apply(x)] as Symbolic[]),
    ),
  ]),
  {
    name: 'a layer that is used twice',
    inputs: [float(vector), float(vector)],
    build: () => {
      const inputs = [tf.input({ shape: vector }), tf.input({ shape: vector })];
      const shared = tf.layers.dense({ units: 4, activation: 'tanh' });
      const joined = tf.layers.concatenate().apply(inputs.map((input) => shared.apply(input)) as Symbolic[]);
      return tf.model({ inputs, outputs: tf.layers.dense({ units: 2 }).apply(joined) as Symbolic });
    },
  },
  {
    name: 'several inputs and outputs',
    inputs: [float(vector), float(sequence)],
    build: () => {
      const inputs = [tf.input({ shape: vector }), tf.input({ shape: sequence })];
      const read = tf.layers.gru({ units: 3 }).apply(inputs[1] as Symbolic) as Symbolic;
      const joined = tf.layers.concatenate().apply([inputs[0] as Symbolic, read]);
      const outputs = [2, 3].map((units) => tf.layers.dense({ units }).apply(joined) as Symbolic);
      return tf.model({ inputs, outputs });
    },
  },
  chain('a model in a model', vector, () => [
    tf.sequential({
      layers: [tf.layers.dense({ inputShape: vector, units: 4, useBias: false }), tf.layers.batchNormalization()],
    }),
  ]),
];

function dense(activation: 'relu' | 'gelu_new' | string): LayerModel {
  return one(`dense, ${activation}`, vector, () => tf.layers.dense({ units: 4, activation: activation as 'relu' }));
}

function lstmCell() {
  return tf.layers.lstmCell({ units: 3, recurrentActivation: 'sigmoid' });
}

/** With `sigmoid`, LSTM runs as one op; with tfjs's default, hardSigmoid, unrolled. */
function recurrent(sigmoid: boolean): LayerModel[] {
  const gates = sigmoid ? ({ recurrentActivation: 'sigmoid' } as const) : {};
  const kind = sigmoid ? 'sigmoid' : 'hardSigmoid';
  const variants = [
    ['', {}],
    [' of sequences', { returnSequences: true }],
    [' backwards', { goBackwards: true }],
    [' of sequences, backwards', { returnSequences: true, goBackwards: true }],
    [' without bias', { useBias: false }],
    [' with dropout inside', { dropout: 0.3, recurrentDropout: 0.2 }],
  ] as const;
  const layers = [
    ['LSTM', (options: object) => tf.layers.lstm({ units: 3, ...gates, ...options })],
    ['GRU', (options: object) => tf.layers.gru({ units: 3, ...gates, ...options })],
    ['SimpleRNN', (options: object) => tf.layers.simpleRNN({ units: 3, ...options })],
  ] as const;
  return layers
    .filter(([name]) => sigmoid || name !== 'SimpleRNN')
    .flatMap(([name, make]) => [
      ...variants.map(([variant, options]) => one(`${name} (${kind})${variant}`, sequence, () => make(options))),
      chain(`${name} (${kind}) with its states`, sequence, () => [
        twice((x) => make({ returnState: true, returnSequences: true }).apply(x)),
      ]),
      chain(`${name} (${kind}) from another’s states`, sequence, () => [
        twice((x) => {
          const [sequenceOut, ...states] = make({ returnState: true, returnSequences: true }).apply(x) as Symbolic[];
          return make({}).apply(sequenceOut as Symbolic, { initialState: states }) as Symbolic;
        }),
      ]),
    ]);
}

function one(name: string, shape: readonly number[], layer: () => Layer): LayerModel {
  return chain(name, shape, () => [layer()]);
}

type Stage = Layer | ((x: Symbolic) => Symbolic | Symbolic[]);

/** A stage with more than one layer, or more than one result: these are flattened and joined. */
function twice(stage: (x: Symbolic) => Symbolic | Symbolic[] | unknown): Stage {
  return stage as Stage;
}

function chain(name: string, shape: readonly number[], stages: () => readonly Stage[]): LayerModel {
  const build = (): tf.LayersModel => {
    const input = tf.input({ shape: [...shape] });
    const entry = tf.layers.prelu({ alphaInitializer: tf.initializers.constant({ value: 0.5 }) }).apply(input);
    return tf.model({ inputs: input, outputs: finish(follow(entry as Symbolic, stages())) });
  };
  return { name, inputs: [float(shape)], build };
}

function embedded(name: string, maskZero: boolean, layers: () => readonly Layer[]): LayerModel {
  const build = (): tf.LayersModel => {
    const input = tf.input({ shape: [6] });
    const entry = tf.layers.embedding({ inputDim: 9, outputDim: 4, maskZero }).apply(input);
    return tf.model({ inputs: input, outputs: finish(follow(entry as Symbolic, layers())) });
  };
  return { name, inputs: [float([6])], vocabulary: 9, build };
}

function follow(entry: Symbolic, stages: readonly Stage[]): Symbolic {
  return stages.reduce((x, stage) => {
    const made = typeof stage === 'function' ? stage(x) : (stage.apply(x) as Symbolic | Symbolic[]);
    return Array.isArray(made) ? (tf.layers.concatenate().apply(made.map(flat)) as Symbolic) : made;
  }, entry);
}

function finish(x: Symbolic): Symbolic {
  return tf.layers.dense({ units: 2 }).apply(flat(x)) as Symbolic;
}

function flat(x: Symbolic): Symbolic {
  return x.shape.length > 2 ? (tf.layers.flatten().apply(x) as Symbolic) : x;
}

function float(shape: readonly number[]): TensorSpec {
  return { shape, dtype: 'float32' };
}
