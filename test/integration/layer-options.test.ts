import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activations, initializers, layers, tf } from '../../worker/engine/index.ts';
import { models } from '../../worker/models/index.ts';
import { thrown } from '../support/thrown.ts';

await tf.setBackend('cpu');

const refusals: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['a slip in an option', () => layers.dense({ units: 3, useBais: true } as never), /useBais; did you mean useBias\?/],
  [
    'a slip in an option that is needed',
    () => layers.dense({ unit: 3 } as never),
    /layers\.dense: .*units.*given: unit/,
  ],
  ['an option of another layer', () => layers.flatten({ filters: 3 } as never), /no option filters; it has/],
  ['a slip in an activation', () => layers.dense({ units: 3, activation: 'gleu' as never }), /did you mean gelu\?/],
  ['a function of one’s own', () => layers.activation({ activation: ((x: tf.Tensor) => x) as never }), /of your own/],
  ['groups that do not divide', () => layers.conv2d({ filters: 3, kernelSize: 1, groups: 2 }), /divide its 3 filters/],
  ['no heads', () => layers.multiHeadAttention({ numHeads: 0, keyDim: 2 }), /numHeads must be a positive whole number/],
  [
    'a sequence longer than its positions',
    () => layers.positionEmbedding({ sequenceLength: 3 }).apply(models.input({ shape: [4, 2] })),
    /4 positions, more than its sequenceLength of 3/,
  ],
  [
    'attention to images',
    () => layers.multiHeadAttention({ numHeads: 1, keyDim: 2 }).apply(models.input({ shape: [4, 4, 2] })),
    /must be \[batch, time, features\]/,
  ],
  ['a rate beyond 1', () => layers.dropout({ rate: 30 }), /rate, the share that is dropped, must be .*0 to 1, got 30/],
  ['no rate', () => layers.dropout({} as never), /layers\.dropout: rate is missing/],
  ['NaN', () => layers.leakyReLU({ negativeSlope: Number.NaN }), /negativeSlope must be a number, got NaN/],
  ['a number for an option', () => layers.dropout(0.3 as never), /did you mean layers\.dropout\(\{ rate: 0\.3 \}\)/],
  ['a call on a tensor', () => layers.flatten(tf.ones([2, 2]) as never), /got a Tensor; .*layers\.flatten\(…\)\.apply/],
  ['a Transformer of vectors', () => block().apply(models.input({ shape: [4] })), /must be \[batch, time, features\]/],
  ['text of a classifier', () => models.generate(classifier(), [1], { tokens: 1 }), /a language model maps/],
];

for (const [what, make, message] of refusals) {
  test(`${what} is refused by name`, () => assert.match(thrown('job/invalid', make).message, message));
}

for (const [name, make] of Object.entries(layers) as unknown as [string, (options: unknown) => unknown][]) {
  test(`layers.${name} takes an object of options alone`, () => {
    for (const given of [0.3, 'relu', [3, 3], null, true, () => 3, layers.flatten()]) {
      const { message } = thrown('job/invalid', () => make(given));
      assert.ok(message.startsWith(`layers.${name} takes an object of options, got `), message);
    }
  });
}

test('an activation is taken by name and by function alike, and survives saving', async () => {
  for (const activation of ['hardSigmoid', activations.hardSigmoid] as const) {
    const model = models.sequential([layers.dense({ units: 2, activation, inputShape: [3] })]);
    const again = await tf.models.modelFromJSON(model.toJSON(null, false) as never);
    again.setWeights(model.getWeights());
    const x = tf.tensor2d([[-1, 4, 2]]);
    assert.deepEqual([...(again.predict(x) as tf.Tensor).dataSync()], [...(model.predict(x) as tf.Tensor).dataSync()]);
  }
});

test('initializers have Keras’s defaults, and a seed repeats', () => {
  const values = (): Float32Array => initializers.randomNormal({ seed: 4 }).apply([50, 50]).dataSync() as Float32Array;
  assert.deepEqual(values(), values());
  const spread = Math.sqrt(values().reduce((sum, value) => sum + value ** 2, 0) / 2500);
  assert.ok(Math.abs(spread - 0.05) < 0.005, `${spread}`);
  const [one] = initializers.glorotUniform().apply([3, 3]).dataSync();
  assert.ok(Math.abs(one as number) <= 1);
});

test('a functional model shares layers and has several outputs', () => {
  const inputs = [models.input({ shape: [3] }), models.input({ shape: [3] })];
  const shared = layers.dense({ units: 2 });
  const difference = layers.subtract().apply(inputs.map((input) => shared.apply(input)));
  const model = models.model({ inputs, outputs: [difference, layers.dense({ units: 1 }).apply(difference)] });
  assert.equal(model.weights.length, 4);
  const equal = tf.ones([2, 3]);
  const [zero] = model.predict([equal, equal]) as tf.Tensor[];
  assert.deepEqual([...(zero as tf.Tensor).dataSync()], [0, 0, 0, 0]);
});

function block() {
  return layers.transformerEncoder({ numHeads: 1, intermediateDim: 2 });
}

function classifier(): tf.LayersModel {
  return models.sequential([layers.dense({ units: 2, inputShape: [3] })]);
}
