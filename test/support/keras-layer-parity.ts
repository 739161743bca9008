import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import { activationEntries, layerEntries } from '../../shared/layers/index.ts';
import { activations, type EngineName, layers, tf } from '../../worker/engine/index.ts';
import { proving } from './coverage-record.ts';
import { openEngine } from './engine-fixtures.ts';
import { buildChain, type LayerCase, layerGoldens } from './keras-layer-cases.ts';

/** Sums of some dozen float32 products, in an order that differs between the libraries. */
const TOLERANCE = 1e-5;

/** What TensorFlow.js's own kernels compute otherwise; docs/layers.md says so. */
const different: Partial<Record<EngineName, readonly string[]>> = {
  cpu: ['averagePooling2d', 'batchNormalization without weights in training'],
};

/** Compares Lockstep's layers and activations with the values that Keras gave (keras_layers.py). */
export async function kerasLayerParity(name: EngineName): Promise<void> {
  const { skip } = await openEngine(name);

  test('every layer and every activation of the tables is compared', () => {
    const compared = new Set(layerGoldens.cases.flatMap((subject) => subject.layers.map(({ layer }) => layer)));
    // A block of several layers, each of which is compared.
    const names = Object.keys(layerEntries).filter((layer) => layer !== 'transformerEncoder');
    assert.deepEqual([...compared].sort(), names.sort());
    assert.deepEqual(Object.keys(layers).sort(), Object.keys(layerEntries).sort());
    const functions = layerGoldens.activations.cases.map(({ activation }) => activation);
    assert.deepEqual(functions.sort(), Object.keys(activationEntries).sort());
    assert.deepEqual(Object.keys(activations).sort(), functions);
  });

  for (const subject of layerGoldens.cases) {
    const reason =
      different[name]?.includes(subject.name) === true && 'TensorFlow.js’s own kernels and layers have it otherwise';
    test(`${name}: outputs, statistics and gradients are Keras’s: ${subject.name}`, { skip: skip || reason }, () =>
      proving(name === 'tensorflow' ? rowsOf(subject) : [], 'keras', () => {
        const model = buildChain(subject);
        try {
          tf.tidy(() => compare(model, subject));
        } finally {
          model.dispose();
        }
      }),
    );
  }

  const { shape, x, cotangent, cases } = layerGoldens.activations;
  for (const { activation, output, gradient } of cases) {
    const rows = name === 'tensorflow' ? [{ kind: 'activations' as const, row: activation }] : [];
    const check = () =>
      tf.tidy(() => {
        const layer = layers.activation({ activation: activation as 'relu' });
        for (const compute of [
          activations[activation as 'relu'],
          (value: tf.Tensor) => layer.apply(value, {}) as tf.Tensor,
        ]) {
          const gradients = tf.valueAndGrad((value: tf.Tensor) => tf.mul(compute(value), 1));
          const found = gradients(tf.tensor([...x], [...shape]), tf.tensor([...cotangent], [...shape]));
          assertClose(found.value, output, 'value');
          assertClose(found.grad, gradient, 'gradient');
        }
      });
    test(`${name}: values and gradient are Keras’s: ${activation}`, { skip }, () => proving(rows, 'keras', check));
  }
}

function rowsOf({ layers: chain }: LayerCase) {
  return chain.map(({ layer }) => ({ kind: 'layers' as const, row: layer }));
}

function compare(model: tf.LayersModel, subject: LayerCase): void {
  const { weights, training, output } = subject;
  const [ours, keras] = [model.weights.map(({ shape }) => shape), weights.map(({ shape }) => shape)];
  assert.deepEqual(ours, keras, 'shapes of weights, in Keras’s order');
  model.setWeights(weights.map(({ shape, values }) => tf.tensor([...values], [...shape])));
  const inputs = subject.inputs.map(({ shape, values }) => tf.variable(tf.tensor([...values], [...shape])));
  const cotangent = tf.tensor([...subject.cotangent], [...output.shape]);
  const run = (): tf.Tensor => model.apply([...inputs], { training }) as tf.Tensor;
  const predicted = training ? null : run();
  const trained = model.trainableWeights.map((weight) => weight as unknown as { val: tf.Variable });
  const variables = trained.map(({ val }) => val);
  const reached = subject.inputGradients.map((_, index) => at(inputs, index));
  const everything = [...reached, ...variables];
  let value: tf.Tensor | undefined;
  const loss = (): tf.Scalar => {
    value = tf.keep(run());
    // What no gradient reaches has zeros, as Keras's have.
    const untouched = everything.map((variable) => tf.sum(tf.mul(variable, 0)));
    return tf.addN([tf.sum(tf.mul(value, cotangent)), ...untouched]) as tf.Scalar;
  };
  const { grads } = tf.variableGrads(loss, everything);
  const made = value as unknown as tf.Tensor;
  assert.deepEqual(made.shape, output.shape);
  assert.deepEqual(model.outputs[0]?.shape.slice(1), output.shape.slice(1), 'the shape that the layer announces');
  assertClose(predicted ?? made, output.values, 'output');
  assertClose(made, output.values, 'output in training');
  for (const [index, variable] of reached.entries()) {
    assertClose(
      at(Object.values([grads[variable.name]]), 0),
      at(subject.inputGradients, index),
      `gradient of input ${index}`,
    );
  }
  for (const [index, variable] of variables.entries()) {
    assertClose(grads[variable.name], at(subject.weightGradients, index), `gradient of weight ${index}`);
  }
  for (const [index, { after }] of weights.entries()) {
    if (after !== null) assertClose(at(model.weights, index).read(), after, `weight ${index} after the call`);
  }
  made.dispose();
}

function assertClose(actual: tf.Tensor | undefined, expected: readonly number[], what: string): void {
  const values = actual?.dataSync() ?? [];
  assert.equal(values.length, expected.length, what);
  const scale = Math.max(1, ...expected.map(Math.abs));
  for (const [index, value] of expected.entries()) {
    const distance = Math.abs(value - at(values, index)) / scale;
    assert.ok(distance <= TOLERANCE, `${what}, value ${index}: ${at(values, index)} instead of ${value}`);
  }
}
