import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LayerNode } from '../../worker/engine/index.ts';
import type { Hdf5Content } from '../../worker/exchange/hdf5.ts';
import { fitKeras2, fitKeras3, fitNamed } from '../../worker/exchange/keras/fit-weights.ts';
import { snakeCase, weightGroups } from '../../worker/exchange/keras/weight-paths.ts';
import { thrown } from '../support/thrown.ts';

const plain = { inner: [], inputs: [], models: {}, outputShape: () => undefined };

function leaf(className: string, name: string, ...shapes: readonly (readonly number[])[]): LayerNode {
  return { ...plain, name, className, weights: shapes.map((shape, index) => ({ name: `${name}/${index}`, shape })) };
}

function holding(className: string, name: string, ...inner: readonly LayerNode[]): LayerNode {
  return { ...plain, name, className, inner, weights: inner.flatMap(({ weights }) => weights) };
}

const model = holding(
  'Sequential',
  'model',
  leaf('Dense', 'first', [2, 3], [3]),
  leaf('Dropout', 'drop'),
  holding('LSTM', 'memory', leaf('LSTMCell', 'memory_cell', [3, 8])),
  leaf('Dense', 'second', [2, 3], [3]),
);

/** A file of Keras 3 whose layers have these names, and at each path a value of its own. */
function keras3(
  names: Readonly<Record<string, string>>,
  shapes: Readonly<Record<string, readonly number[]>>,
): Hdf5Content {
  const attributes = new Map<string, Record<string, unknown>>([['layers', {}]]);
  for (const [path, name] of Object.entries(names)) attributes.set(`${path}/vars`, { name });
  const arrays = Object.entries(shapes).map(([path, shape], index) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return [path, { path, shape, values: new Float32Array(size).fill(index) }] as const;
  });
  return { attributes, arrays: new Map(arrays) };
}

const names = { 'layers/dense': 'a', 'layers/lstm': 'b', 'layers/lstm/cell': 'c', 'layers/dense_1': 'd' };
const shapes = {
  ...{ 'layers/dense/vars/0': [2, 3], 'layers/dense/vars/1': [3], 'layers/lstm/cell/vars/0': [3, 8] },
  ...{ 'layers/dense_1/vars/0': [2, 3], 'layers/dense_1/vars/1': [3] },
};

const firstValues = (fitted: readonly { readonly name: string; readonly values: Float32Array }[]) =>
  Object.fromEntries(fitted.map(({ name, values }) => [name, values[0]]));

test('weights stand where Keras looks for them', () => {
  assert.deepEqual(
    weightGroups(model).map(({ path, layer }) => [path, layer]),
    [
      ['layers/dense/vars', 'first'],
      ['layers/dropout/vars', 'drop'],
      ['layers/lstm/cell/vars', 'memory_cell'],
      ['layers/dense_1/vars', 'second'],
    ],
  );
  const spelled = ['Conv2DTranspose', 'PReLU', 'ConvLSTM2D', 'SeparableConv2D', 'LSTMCell', 'SimpleRNN'].map(snakeCase);
  assert.deepEqual(spelled, [
    'conv2d_transpose',
    'p_re_lu',
    'conv_lstm2d',
    'separable_conv2d',
    'lstm_cell',
    'simple_rnn',
  ]);
});

test('layers are found by class and order where names differ', () => {
  const expected = { 'first/0': 0, 'first/1': 1, 'memory_cell/0': 2, 'second/0': 3, 'second/1': 4 };
  assert.deepEqual(firstValues(fitKeras3(keras3(names, shapes), model)), expected);
});

test('layers are found by name where the file has all names', () => {
  const swapped = { 'layers/dense': 'second', 'layers/lstm': 'memory', 'layers/dense_1': 'first' };
  const expected = { 'first/0': 3, 'first/1': 4, 'memory_cell/0': 2, 'second/0': 0, 'second/1': 1 };
  assert.deepEqual(firstValues(fitKeras3(keras3(swapped, shapes), model)), expected);
});

test('what does not fit is refused with the layer and both shapes', () => {
  const other = { ...shapes, 'layers/lstm/cell/vars/0': [3, 12] };
  const wrongShape = thrown('checkpoint/mismatch', () => fitKeras3(keras3(names, other), model));
  assert.match(wrongShape.message, /memory_cell.*\[3,12\] in the file and \[3,8\] in the job’s model/);
  const { 'layers/dense_1/vars/1': _, ...fewer } = shapes;
  const missing = thrown('checkpoint/mismatch', () => fitKeras3(keras3(names, fewer), model));
  assert.match(missing.message, /layer second \(Dense\).*second\/1 at layers\/dense_1\/vars\/1/);
  const more = { ...shapes, 'layers/dense_2/vars/0': [1] };
  assert.match(
    thrown('checkpoint/mismatch', () => fitKeras3(keras3(names, more), model)).message,
    /holds layers\/dense_2\/vars\/0, for which/,
  );
  const states = { ...shapes, 'optimizer/vars/0': [1], 'layers/dropout/seed_generator/vars/0': [2] };
  assert.doesNotThrow(() => fitKeras3(keras3(names, states), model));
});

test('an .h5 file of Keras 2 fits by name or by order', () => {
  const file = (layers: readonly string[]): Hdf5Content => {
    const content = keras3({}, {});
    const attributes = new Map<string, Record<string, unknown>>([['model_weights', { layer_names: layers }]]);
    const arrays = new Map<string, { path: string; shape: readonly number[]; values: Float32Array }>();
    for (const [index, layer] of layers.entries()) {
      const own = layer.includes('drop') ? [] : layer.includes('memory') ? [[3, 8]] : [[2, 3], [3]];
      attributes.set(`model_weights/${layer}`, { weight_names: own.map((_, at) => `${layer}/w${at}:0`) });
      for (const [at, shape] of own.entries()) {
        const path = `model_weights/${layer}/${layer}/w${at}:0`;
        arrays.set(path, { path, shape, values: new Float32Array(24).fill(10 * index + at) });
      }
    }
    return { ...content, attributes, arrays };
  };
  const byOrder = { 'first/0': 0, 'first/1': 1, 'memory_cell/0': 20, 'second/0': 30, 'second/1': 31 };
  assert.deepEqual(firstValues(fitKeras2(file(['x', 'dropout', 'memory_x', 'y']), model)), byOrder);
  const byName = { 'first/0': 20, 'first/1': 21, 'memory_cell/0': 10, 'second/0': 0, 'second/1': 1 };
  assert.deepEqual(firstValues(fitKeras2(file(['second', 'memory', 'first']), model)), byName);
  const fewer = thrown('checkpoint/mismatch', () => fitKeras2(file(['second', 'memory']), model));
  assert.match(fewer.message, /weights of 2 layers, and the job’s model has 3/);
});

test('named weights fit by name alone', () => {
  const arrays = model.weights.map(({ name, shape }) => ({ name, shape, values: new Float32Array(24) }));
  assert.equal(fitNamed(arrays.toReversed(), model).length, 5);
  const missing = thrown('checkpoint/mismatch', () => fitNamed(arrays.slice(1), model));
  assert.match(missing.message, /weight first\/0 of the job’s model is missing/);
  const surplus = thrown('checkpoint/mismatch', () =>
    fitNamed([...arrays, { name: 'third/0', shape: [1], values: new Float32Array(1) }], model),
  );
  assert.match(surplus.message, /holds weight third\/0/);
});
