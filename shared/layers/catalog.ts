/** One layer of Keras under Lockstep's name. */
export interface LayerEntry {
  /** Keras's class. */
  readonly keras: string;
  /** TensorFlow.js's own class; that class with more options; or a class of Lockstep's. */
  readonly origin: 'tfjs' | 'extended' | 'own';
  /** Keras 3's defaults where tf.layers has others; options given win. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** What differs from `tf.layers` besides defaults, or from Keras. */
  readonly note: string;
}

type More = Partial<Pick<LayerEntry, 'defaults' | 'note'>>;

const entry =
  (origin: LayerEntry['origin']) =>
  (keras: string, more: More = {}): LayerEntry => ({ keras, origin, defaults: {}, note: '', ...more });
const tfjs = entry('tfjs');
const extended = entry('extended');
const own = entry('own');

const kernel = { kernelInitializer: 'glorotUniform' };
const recurrent = { ...kernel, recurrentActivation: 'sigmoid' };

/** Layers by family, in the order of the page. */
export const layerCatalog = {
  core: {
    dense: tfjs('Dense', { defaults: kernel }),
    embedding: tfjs('Embedding', { note: '`maskZero: true` masks zeros for the layers behind' }),
    flatten: tfjs('Flatten'),
    reshape: tfjs('Reshape'),
    permute: tfjs('Permute'),
    repeatVector: tfjs('RepeatVector'),
    masking: extended('Masking', { note: 'has a gradient, so it may stand behind trained layers' }),
    rescaling: tfjs('Rescaling'),
    activation: tfjs('Activation', { note: 'any of the activations below' }),
  },
  convolution: {
    conv1d: extended('Conv1D', { defaults: kernel, note: '`groups`; `padding: "causal"`; trains dilated' }),
    conv2d: extended('Conv2D', { defaults: kernel, note: '`groups`; trains dilated' }),
    conv3d: tfjs('Conv3D', { defaults: kernel }),
    conv2dTranspose: tfjs('Conv2DTranspose', {
      defaults: kernel,
      note: 'without Keras’s `outputPadding` and `dilationRate`',
    }),
    depthwiseConv2d: extended('DepthwiseConv2D', {
      defaults: { depthwiseInitializer: 'glorotUniform' },
      note: 'trains dilated',
    }),
    separableConv2d: extended('SeparableConv2D', {
      note: 'trains dilated',
      defaults: { depthwiseInitializer: 'glorotUniform', pointwiseInitializer: 'glorotUniform' },
    }),
    zeroPadding1d: own('ZeroPadding1D'),
    zeroPadding2d: tfjs('ZeroPadding2D'),
    cropping1d: own('Cropping1D'),
    cropping2d: tfjs('Cropping2D', { note: '`tf.layers.cropping2D`' }),
    upSampling1d: own('UpSampling1D'),
    upSampling2d: extended('UpSampling2D', { defaults: { size: [2, 2] }, note: 'nearest neighbours alone' }),
  },
  pooling: {
    maxPooling1d: tfjs('MaxPooling1D'),
    maxPooling2d: tfjs('MaxPooling2D'),
    maxPooling3d: tfjs('MaxPooling3D'),
    averagePooling1d: tfjs('AveragePooling1D'),
    averagePooling2d: tfjs('AveragePooling2D', {
      note: 'on the `cpu` engine its gradient counts padding, as TensorFlow.js has it',
    }),
    averagePooling3d: tfjs('AveragePooling3D'),
    globalMaxPooling1d: tfjs('GlobalMaxPooling1D'),
    globalMaxPooling2d: tfjs('GlobalMaxPooling2D'),
    globalAveragePooling1d: extended('GlobalAveragePooling1D', { note: 'leaves masked steps out, as Keras does' }),
    globalAveragePooling2d: tfjs('GlobalAveragePooling2D'),
  },
  recurrent: {
    lstm: tfjs('LSTM', { defaults: { ...recurrent, unitForgetBias: true } }),
    gru: extended('GRU', { defaults: { ...recurrent, resetAfter: true }, note: '`resetAfter`' }),
    simpleRNN: tfjs('SimpleRNN', { defaults: kernel }),
    bidirectional: extended('Bidirectional', {
      defaults: { mergeMode: 'concat', zeroOutputForMask: true },
      note: 'masked steps of a sequence give zeros; the backward layer is the given one turned round',
    }),
    timeDistributed: tfjs('TimeDistributed'),
  },
  attention: {
    multiHeadAttention: own('MultiHeadAttention', {
      note: 'inputs [batch, time, features]; `useCausalMask` is an option of the layer',
    }),
    positionEmbedding: own('keras_hub PositionEmbedding'),
    sinePositionEncoding: own('keras_hub SinePositionEncoding'),
    transformerEncoder: own('keras_hub TransformerEncoder', {
      note: 'a block of several layers; with `useCausalMask`, keras_hub’s TransformerDecoder without cross-attention',
    }),
  },
  normalization: {
    batchNormalization: tfjs('BatchNormalization'),
    layerNormalization: tfjs('LayerNormalization'),
  },
  regularization: {
    dropout: tfjs('Dropout'),
    spatialDropout1d: tfjs('SpatialDropout1D'),
    spatialDropout2d: own('SpatialDropout2D'),
    gaussianNoise: tfjs('GaussianNoise'),
    gaussianDropout: tfjs('GaussianDropout'),
    alphaDropout: tfjs('AlphaDropout'),
  },
  merging: {
    add: tfjs('Add'),
    subtract: own('Subtract'),
    multiply: tfjs('Multiply'),
    average: tfjs('Average'),
    maximum: tfjs('Maximum'),
    minimum: tfjs('Minimum'),
    concatenate: tfjs('Concatenate'),
    dot: tfjs('Dot'),
  },
  'activations as layers': {
    reLU: extended('ReLU', { note: '`negativeSlope`, `threshold`' }),
    leakyReLU: tfjs('LeakyReLU', { note: '`negativeSlope`, which `tf.layers` calls `alpha`' }),
    prelu: tfjs('PReLU'),
    elu: extended('ELU', { note: '`alpha`' }),
    softmax: tfjs('Softmax', { defaults: { axis: -1 } }),
  },
} as const satisfies Record<string, Record<string, LayerEntry>>;

type Catalog = typeof layerCatalog;

export type LayerName = { [Family in keyof Catalog]: keyof Catalog[Family] }[keyof Catalog];

/** Every layer by name. */
export const layerEntries = Object.assign({}, ...Object.values(layerCatalog)) as Readonly<
  Record<LayerName, LayerEntry>
>;
