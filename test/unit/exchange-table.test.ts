import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import type { LayerJson } from '../../worker/exchange/keras/field.ts';
import { layerToKeras, layerToTfjs } from '../../worker/exchange/keras/layer-config.ts';
import { mappings } from '../../worker/exchange/keras/table.ts';
import { modelToKeras, modelToTfjs } from '../../worker/exchange/keras/topology.ts';
import { thrown } from '../support/thrown.ts';

const inner = {
  toKeras: (layer: LayerJson) => layerToKeras(layer, inner),
  toTfjs: (layer: LayerJson) => layerToTfjs(layer, inner),
};

const glorot = {
  class_name: 'VarianceScaling',
  config: { scale: 1, mode: 'fan_avg', distribution: 'normal', seed: null },
};

const dense: LayerJson = {
  class_name: 'Dense',
  config: {
    ...{ name: 'dense', trainable: false, units: 4, activation: 'swish', use_bias: true },
    ...{ kernel_initializer: glorot, bias_initializer: { class_name: 'Zeros', config: {} } },
    ...{ kernel_regularizer: { class_name: 'L1L2', config: { l1: 0, l2: 0.5 } }, bias_regularizer: null },
    ...{ kernel_constraint: { class_name: 'MaxNorm', config: { max_value: 2, axis: 0 } }, bias_constraint: null },
  },
};

test('a layer’s options come back from Keras as they went', () => {
  const keras = layerToKeras(dense, inner);
  assert.equal(keras.config['activation'], 'silu');
  assert.deepEqual((keras.config['kernel_initializer'] as LayerJson).config['distribution'], 'truncated_normal');
  assert.deepEqual(layerToTfjs(keras, inner), dense);
});

test('each class and each option stands in the table once', () => {
  for (const library of ['tfjs', 'keras'] as const) {
    const classes = mappings.map((mapping) => mapping[library]).filter((name) => name !== 'Functional');
    assert.equal(new Set(classes).size, classes.length);
    for (const { fields, tfjs } of mappings) {
      const keys = fields.map((field) => field[library]).filter((key) => key !== null);
      assert.equal(new Set(keys).size, keys.length, `${tfjs} in ${library}`);
    }
  }
});

const refusals: readonly (readonly [string, LayerJson['class_name'], object, RegExp])[] = [
  ['Keras', 'Conv3D', { filters: 2, groups: 2 }, /layer x \(Conv3D\): groups 2, where TensorFlow.js has 1/],
  ['Keras', 'Dense', { units: 2, activation: 'squareplus' }, /activation: TensorFlow.js has no activation squareplus/],
  ['Keras', 'Dense', { units: 2, rank: 3 }, /does not know its option rank/],
  ['Keras', 'Dense', { units: 2, dtype: 'float16' }, /its dtype is float16/],
  ['Keras', 'GroupNormalization', {}, /no layer of TensorFlow.js for Keras’s GroupNormalization/],
  ['Keras', 'MultiHeadAttention', { use_gate: true }, /use_gate true, where TensorFlow.js has false/],
  ['Keras', 'MultiHeadAttention', { attention_axes: [1, 2] }, /attends over time alone/],
  ['tfjs', 'PositionEmbedding', {}, /Keras itself has no PositionEmbedding/],
  [
    'Keras',
    'Dense',
    { units: 2, kernel_regularizer: { class_name: 'OrthogonalRegularizer', config: {} } },
    /no Orthogonal/,
  ],
  ['tfjs', 'LSTM', { units: 2 }, /layer x \(LSTM\): recurrent_activation: hard_sigmoid is clip/],
  ['tfjs', 'UpSampling2D', { interpolation: 'bilinear' }, /interpolation "bilinear" is computed differently/],
  ['tfjs', 'RandomWidth', {}, /Keras 3 has no RandomWidth/],
  ['tfjs', 'MyLayer', {}, /knows no layer of Keras for MyLayer/],
];

for (const [from, class_name, config, message] of refusals) {
  test(`${from}’s ${class_name} ${JSON.stringify(config)} is refused by name`, () => {
    const layer = { class_name, config: { name: 'x', ...config } };
    const convert = from === 'Keras' ? inner.toTfjs : inner.toKeras;
    const error = thrown('checkpoint/unsupported', () => convert(layer));
    assert.ok(error instanceof LockstepError);
    assert.match(error.message, message);
  });
}

const shapes = {
  inputs: [{ shape: [null, 3], dtype: 'float32' }],
  models: {},
  outputShape: () => ({ shape: [null, 4], dtype: 'float32' }),
};

test('a topology comes back from Keras as it went', () => {
  const [name, config] = ['dense', dense.config];
  const input = { batch_input_shape: [null, 3], dtype: 'float32', sparse: false, name: 'in' };
  const topology = {
    class_name: 'Model',
    config: {
      name: 'model',
      layers: [
        { class_name: 'InputLayer', config: input, name: 'in', inbound_nodes: [] },
        { class_name: 'Dense', config, name, inbound_nodes: [[['in', 0, 0, {}]], [['in', 0, 0, {}]]] },
        {
          ...{ class_name: 'Add', config: { name: 'add', trainable: true }, name: 'add' },
          inbound_nodes: [
            [
              ['dense', 0, 0, {}],
              ['dense', 1, 0, {}],
            ],
          ],
        },
      ],
      input_layers: [['in', 0, 0]],
      output_layers: [['add', 0, 0]],
    },
  };
  assert.deepEqual(modelToTfjs(modelToKeras(topology as LayerJson, shapes)), topology);
});

test('a mask before a bidirectional layer of sequences is refused', () => {
  const wrapped = { class_name: 'SimpleRNN', config: { name: 'rnn', units: 2, return_sequences: true } };
  const layers = [
    { class_name: 'Embedding', config: { name: 'words', input_dim: 3, output_dim: 2, mask_zero: true } },
    { class_name: 'Bidirectional', config: { name: 'both', layer: wrapped, merge_mode: 'concat' } },
  ];
  const topology = { class_name: 'Sequential', config: { name: 'model', layers } };
  assert.match(thrown('checkpoint/unsupported', () => modelToKeras(topology, shapes)).message, /layer both.*mask/);
});
