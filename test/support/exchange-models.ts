import assert from 'node:assert/strict';
import { RandomStream } from '../../shared/core/index.ts';
import { layers, tf } from '../../worker/engine/index.ts';

type Symbolic = tf.SymbolicTensor;

/** A model of one family that is exchanged with Keras. Whole-number inputs are below `vocabulary`. */
export interface ExchangeModel {
  readonly name: string;
  readonly vocabulary?: number;
  build(): tf.LayersModel;
}

const sigmoidGates = { recurrentActivation: 'sigmoid' } as const;

function sequential(name: string, layers: () => tf.layers.Layer[], more: Partial<ExchangeModel> = {}): ExchangeModel {
  return { name, build: () => tf.sequential({ layers: layers() }), ...more };
}

function recurrentLayer(kind: 'lstm' | 'gru' | 'simpleRNN', options: object): tf.layers.RNN {
  return kind === 'simpleRNN'
    ? tf.layers.simpleRNN({ units: 3, ...options })
    : tf.layers[kind]({ units: 3, ...sigmoidGates, ...options });
}

const cells = () => [
  tf.layers.lstmCell({ units: 3, ...sigmoidGates }),
  tf.layers.gruCell({ units: 2, ...sigmoidGates }),
  tf.layers.gruCell({ units: 2, ...sigmoidGates }),
];

/** Every family that docs/import-export.md promises. */
export const exchangeModels: readonly ExchangeModel[] = [
  sequential('dense', () => [
    tf.layers.dense({
      ...{ inputShape: [6], units: 5, activation: 'relu', kernelConstraint: 'maxNorm' },
      kernelRegularizer: tf.regularizers.l2({ l2: 0.01 }),
    }),
    tf.layers.dropout({ rate: 0.4, seed: 3 }),
    tf.layers.dense({ units: 4, activation: 'swish', useBias: false, kernelInitializer: 'heNormal' }),
    tf.layers.gaussianNoise({ stddev: 0.1 }),
    tf.layers.dense({ units: 3, activation: 'softmax' }),
  ]),
  sequential('activations', () => [
    tf.layers.dense({ inputShape: [6], units: 5, activation: 'elu' }),
    ...(['gelu', 'linear', 'mish', 'relu6', 'selu', 'sigmoid', 'softplus', 'softsign', 'tanh'] as const).map((name) =>
      tf.layers.dense({ units: 5, activation: name }),
    ),
    tf.layers.activation({ activation: 'relu' }),
    tf.layers.reLU({ maxValue: 1 }),
    tf.layers.leakyReLU({ alpha: 0.2 }),
    tf.layers.elu(),
    tf.layers.prelu({ alphaInitializer: 'ones' }),
    tf.layers.rescaling({ scale: 3, offset: 0.5 }),
    tf.layers.softmax(),
  ]),
  sequential('CNN with batch normalization', () => [
    tf.layers.conv2d({ inputShape: [9, 9, 3], filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
    tf.layers.batchNormalization({ epsilon: 0.01 }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.zeroPadding2d({ padding: 1 }),
    tf.layers.separableConv2d({ filters: 5, kernelSize: 2, strides: 2 }),
    tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, padding: 'same' }),
    tf.layers.batchNormalization({ scale: false, trainable: false }),
    tf.layers.cropping2D({ cropping: [0, 1] }),
    tf.layers.averagePooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 3 }),
  ]),
  sequential('convolutions of sequences', () => [
    tf.layers.conv1d({ inputShape: [8, 3], filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same' }),
    tf.layers.maxPooling1d({ poolSize: 2 }),
    tf.layers.spatialDropout1d({ rate: 0.2 }),
    tf.layers.conv1d({ filters: 4, kernelSize: 2, strides: 2, padding: 'same', activation: 'relu' }),
    tf.layers.globalAveragePooling1d(),
    tf.layers.repeatVector({ n: 3 }),
    tf.layers.permute({ dims: [2, 1] }),
    tf.layers.reshape({ targetShape: [2, 6] }),
    tf.layers.globalMaxPooling1d(),
  ]),
  sequential('convolutional autoencoder', () => [
    tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 4, kernelSize: 3, strides: 2, padding: 'same' }),
    tf.layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }),
    tf.layers.upSampling2d({ size: [2, 2] }),
    tf.layers.conv2dTranspose({ filters: 1, kernelSize: 2, activation: 'sigmoid' }),
  ]),
  sequential('convolution of volumes', () => [
    tf.layers.conv3d({ inputShape: [4, 4, 4, 2], filters: 3, kernelSize: 2 }),
    tf.layers.averagePooling3d({ poolSize: 2 }),
    tf.layers.flatten(),
  ]),
  sequential('layer normalization', () => [
    tf.layers.dense({ inputShape: [5, 4], units: 6 }),
    tf.layers.layerNormalization({ epsilon: 1e-5 }),
    tf.layers.layerNormalization({ axis: [1, 2] }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 2 }),
  ]),
  ...(['lstm', 'gru', 'simpleRNN'] as const).flatMap((kind) => [
    sequential(`stacked ${kind}`, () => [
      recurrentLayer(kind, { inputShape: [5, 4], returnSequences: true, dropout: 0.1, recurrentDropout: 0.1 }),
      recurrentLayer(kind, { goBackwards: true, useBias: false }),
      tf.layers.dense({ units: 2 }),
    ]),
    sequential(`bidirectional ${kind}`, () => [
      tf.layers.bidirectional({
        ...{ layer: recurrentLayer(kind, { returnSequences: true }), mergeMode: 'concat', inputShape: [5, 4] },
      }),
      tf.layers.bidirectional({ layer: recurrentLayer(kind, {}), mergeMode: 'sum' }),
    ]),
    sequential(
      `masked embedding and ${kind}`,
      () => [
        tf.layers.embedding({ inputDim: 9, outputDim: 4, maskZero: true, inputLength: 5 }),
        recurrentLayer(kind, { returnSequences: true }),
        recurrentLayer(kind, {}),
        tf.layers.dense({ units: 2 }),
      ],
      { vocabulary: 9 },
    ),
  ]),
  sequential('recurrent cells', () => [
    tf.layers.rnn({ cell: cells() as never, inputShape: [5, 4] } as never),
    tf.layers.dense({ units: 2 }),
  ]),
  sequential('layers over time', () => [
    tf.layers.timeDistributed({
      ...{ layer: tf.layers.conv2d({ filters: 2, kernelSize: 2 }), inputShape: [3, 4, 4, 2] },
    }),
    tf.layers.timeDistributed({ layer: tf.layers.batchNormalization() }),
    tf.layers.convLstm2d({ filters: 2, kernelSize: 2, ...sigmoidGates } as never),
    tf.layers.flatten(),
  ]),
  { name: 'two inputs, two outputs, a shared layer', build: branched },
  { name: 'models in a model', build: nested },
  { name: 'LSTM from another’s states', build: encoderDecoder },
  { name: 'merges', build: merges },
  sequential('GRU that resets after the product', () => [
    layers.gru({ units: 3, returnSequences: true, inputShape: [5, 4] }),
    layers.bidirectional({ layer: layers.gru({ units: 2, useBias: false }) }),
  ]),
  sequential('activations of Keras alone', () => [
    layers.dense({ units: 5, inputShape: [6], activation: 'hardSigmoid' }),
    ...(['leakyRelu', 'celu', 'logSigmoid', 'hardSilu', 'exponential', 'logSoftmax'] as const).map((activation) =>
      layers.dense({ units: 5, activation }),
    ),
    layers.reLU({ negativeSlope: 0.1, threshold: 0.2, maxValue: 1 }),
    layers.elu({ alpha: 0.5 }),
  ]),
  sequential('convolutions in groups, padding and cropping of sequences', () => [
    layers.conv1d({ filters: 4, kernelSize: 2, groups: 2, padding: 'causal', dilationRate: 2, inputShape: [6, 4] }),
    layers.zeroPadding1d({ padding: [2, 1] }),
    layers.upSampling1d({ size: 3 }),
    layers.cropping1d({ cropping: [1, 3] }),
    layers.reshape({ targetShape: [23, 2, 2] }),
    layers.spatialDropout2d({ rate: 0.3 }),
    layers.conv2d({ filters: 2, kernelSize: 2, groups: 2 }),
  ]),
  { name: 'attention', build: attention },
  { name: 'masked attention', vocabulary: 9, build: maskedAttention },
];

function attention(): tf.LayersModel {
  const [query, value, mask] = [
    [4, 6],
    [3, 5],
    [4, 3],
  ].map((shape) => tf.input({ shape })) as [Symbolic, Symbolic, Symbolic];
  const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 2, outputShape: 6 });
  const attended = layer.apply([query, value], { attentionMask: mask }) as Symbolic;
  const difference = layers.subtract().apply([query, attended]) as Symbolic;
  const block = layers.transformerEncoder({ numHeads: 3, intermediateDim: 8, activation: 'gelu', useCausalMask: true });
  return tf.model({ inputs: [query, value, mask], outputs: block.apply(difference) });
}

function maskedAttention(): tf.LayersModel {
  const words = tf.input({ shape: [5] });
  const embedded = layers.embedding({ inputDim: 9, outputDim: 4, maskZero: true }).apply(words) as Symbolic;
  const attended = layers.transformerEncoder({ numHeads: 2, intermediateDim: 5, dropout: 0.1 }).apply(embedded);
  return tf.model({ inputs: words, outputs: layers.globalAveragePooling1d().apply(attended) as Symbolic });
}

function branched(): tf.LayersModel {
  const inputs = [tf.input({ shape: [6], name: 'left' }), tf.input({ shape: [6], name: 'right' })];
  const shared = tf.layers.dense({ units: 4, activation: 'tanh' });
  const early = tf.layers.dense({ units: 4 }).apply(inputs[0] as Symbolic) as Symbolic;
  const joined = tf.layers.concatenate().apply([...inputs.map((x) => shared.apply(x) as Symbolic), early]);
  const deep = tf.layers.dense({ units: 5, activation: 'relu' }).apply(joined);
  const outputs = [
    tf.layers.dense({ units: 3, activation: 'softmax' }).apply(deep),
    tf.layers.dense({ units: 1 }).apply(joined),
  ];
  return tf.model({ inputs, outputs: outputs as Symbolic[] });
}

function nested(): tf.LayersModel {
  const inner = tf.sequential({
    layers: [tf.layers.dense({ inputShape: [6], units: 6, activation: 'tanh' }), tf.layers.batchNormalization()],
  });
  const x = tf.input({ shape: [6] });
  const y = tf.input({ shape: [6] });
  const joiner = tf.model({
    inputs: [x, y],
    outputs: tf.layers.dense({ units: 6 }).apply(tf.layers.add().apply([x, y]) as Symbolic) as Symbolic,
  });
  const input = tf.input({ shape: [6] });
  const once = inner.apply(input) as Symbolic;
  const again = inner.apply(once) as Symbolic;
  const joined = joiner.apply([joiner.apply([once, again]) as Symbolic, input]) as Symbolic;
  return tf.model({ inputs: input, outputs: tf.layers.dense({ units: 2 }).apply(joined) as Symbolic });
}

function encoderDecoder(): tf.LayersModel {
  const source = tf.input({ shape: [5, 4] });
  const target = tf.input({ shape: [3, 2] });
  const encoder = tf.layers.lstm({ units: 3, returnState: true, ...sigmoidGates });
  const [, ...initialState] = encoder.apply(source) as Symbolic[];
  const decoder = tf.layers.lstm({ units: 3, returnSequences: true, ...sigmoidGates });
  return tf.model({ inputs: [source, target], outputs: decoder.apply(target, { initialState }) as Symbolic });
}

function merges(): tf.LayersModel {
  const input = tf.input({ shape: [6] });
  const pair = (): Symbolic[] => [0, 1].map(() => tf.layers.dense({ units: 4 }).apply(input) as Symbolic);
  const merged = (['add', 'average', 'maximum', 'minimum', 'multiply'] as const).map(
    (name) => tf.layers[name]().apply(pair()) as Symbolic,
  );
  const product = tf.layers.dot({ axes: -1, normalize: true }).apply(pair()) as Symbolic;
  return tf.model({ inputs: input, outputs: tf.layers.concatenate().apply([...merged, product]) as Symbolic });
}

/** Weights that no initializer gives, so that each one's place matters; moving variances stay positive. */
export function randomizeWeights(model: tf.LayersModel, seed: number): void {
  const random = new RandomStream(seed);
  model.setWeights(
    model.weights.map(({ originalName, shape }) => {
      const size = (shape as number[]).reduce((product, axis) => product * axis, 1);
      const isVariance = originalName.endsWith('variance');
      const values = Float32Array.from({ length: size }, () => {
        const value = 0.5 * random.normal();
        return isVariance ? 0.5 + Math.abs(value) : value;
      });
      return tf.tensor(values, shape as number[]);
    }),
  );
}

export interface SampleInput {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** `rows` samples for each input of a model. */
export function sampleInputs(model: tf.LayersModel, rows: number, vocabulary: number | undefined): SampleInput[] {
  const random = new RandomStream(5);
  return model.inputs.map((input) => {
    const shape = [rows, ...(input.shape.slice(1) as number[])];
    const size = shape.reduce((product, axis) => product * axis, 1);
    const draw = (): number => (vocabulary === undefined ? Math.fround(random.normal()) : random.below(vocabulary));
    return { shape, values: Array.from({ length: size }, draw) };
  });
}

/** The model's outputs, each flat. */
export function predict(model: tf.LayersModel, inputs: readonly SampleInput[]): number[][] {
  return tf.tidy(() => {
    const tensors = inputs.map(({ shape, values }) => tf.tensor([...values], [...shape]));
    const outputs = model.predict(tensors);
    return [outputs].flat().map((output) => [...output.dataSync()]);
  });
}

/** By their names. */
export function setWeights(
  model: tf.LayersModel,
  arrays: readonly { readonly name: string; readonly values: Float32Array }[],
): void {
  const byName = new Map(arrays.map(({ name, values }) => [name, values]));
  model.setWeights(
    model.weights.map(({ originalName, shape }) =>
      tf.tensor(byName.get(originalName) ?? new Float32Array(), shape as number[]),
    ),
  );
}

/** What Keras and TensorFlow.js may differ by. */
const TOLERANCE = 1e-5;

export function assertPredicts(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  assert.equal(actual.length, expected.length);
  for (const [output, values] of expected.entries()) {
    const given = actual[output] as readonly number[];
    assert.equal(given.length, values.length);
    const worst = Math.max(...values.map((value, index) => Math.abs(value - (given[index] as number))));
    assert.ok(worst <= TOLERANCE, `output ${output} is off by ${worst}`);
  }
}
