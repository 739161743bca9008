import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import { type Engine, type Gradients, type NamedWeight, type TrainerOptions, tf } from '../../worker/engine/index.ts';
import { openEngine, randomBatch, relativeDistance, smallJob } from '../support/engine-fixtures.ts';

/** Lockstep computes some layers by other ops than tfjs does; here they meet tfjs's own formulas. */
const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

const ROWS = 4;
const TOLERANCE = 1e-5;

/** Behind a masking that masks nothing, an LSTM is unrolled as tfjs does it. */
function lstmModel(isUnrolled: boolean, options: object): tf.LayersModel {
  const input = tf.input({ shape: [5, 6] });
  const read = isUnrolled ? tf.layers.masking({ maskValue: 1e9 }).apply(input) : input;
  const layer = tf.layers.lstm({ units: 3, recurrentActivation: 'sigmoid', ...options });
  const made = layer.apply(read) as tf.SymbolicTensor;
  const flat = made.shape.length > 2 ? tf.layers.flatten().apply(made) : made;
  return tf.model({ inputs: input, outputs: tf.layers.dense({ units: 3 }).apply(flat) as tf.SymbolicTensor });
}

for (const options of [{}, { returnSequences: true }, { goBackwards: true }]) {
  test(`the fused LSTM has the unrolled one’s gradients: ${JSON.stringify(options)}`, { skip }, async () => {
    await assertSameGradients([5, 6], (isOurs) => lstmModel(!isOurs, options));
  });
}

/** Layer normalization spelled out, to be differentiated by tfjs: (x − mean) / √(variance + ε) · γ + β. */
class SpelledOutNormalization extends tf.layers.Layer {
  static className = 'SpelledOutNormalization';
  override build(shape: tf.Shape): void {
    const size = [shape.at(-1) as number];
    this.addWeight('gamma', size, 'float32', tf.initializers.ones());
    this.addWeight('beta', size, 'float32', tf.initializers.zeros());
    this.built = true;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor;
    const [gamma, beta] = this.trainableWeights.map((weight) => weight.read()) as [tf.Tensor, tf.Tensor];
    return tf.tidy(() => {
      const { mean, variance } = tf.moments(x, -1, true);
      const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)));
      return tf.add(tf.mul(normal, gamma), beta);
    });
  }
  override computeOutputShape(shape: tf.Shape): tf.Shape {
    return shape;
  }
}

test('layer normalization has the gradients of its formula', { skip }, async () => {
  await assertSameGradients([5, 6], (isOurs) => {
    const dense = tf.layers.dense({ inputShape: [5, 6], units: 4 });
    const normalization = isOurs ? tf.layers.layerNormalization() : new SpelledOutNormalization();
    return tf.sequential({ layers: [dense, normalization, tf.layers.flatten(), tf.layers.dense({ units: 3 })] });
  });
});

test('a tiling’s gradient is the sum over its copies', { skip }, () => {
  const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  const weights = tf.tensor2d(
    Array.from({ length: 24 }, (_, index) => index),
    [4, 6],
  );
  const gradient = tf.grad((value: tf.Tensor) => tf.sum(tf.mul(tf.tile(value, [2, 3]), weights)))(x);
  assert.deepEqual([...gradient.dataSync()], [48, 54, 84, 90]);
  tf.dispose([x, weights, gradient]);
});

async function assertSameGradients(shape: readonly number[], build: (isOurs: boolean) => tf.LayersModel) {
  for (const compile of [false, true]) {
    const options: Partial<TrainerOptions> = {
      ...{ inputs: [{ shape, dtype: 'float32' }], loss: 'meanSquaredError', metrics: [], bucketBytes: 1, rows: [ROWS] },
      compile,
    };
    let weights: readonly NamedWeight[] | undefined;
    const gradients: (readonly Gradients[])[] = [];
    for (const isOurs of [true, false]) {
      const trainer = await engine.createTrainer(smallJob({ ...options, buildModel: () => build(isOurs) }));
      try {
        const own = trainer.readWeights();
        // Names may differ; the order is the same.
        trainer.writeWeights(own.map((weight, index) => ({ ...weight, values: at(weights ?? own, index).values })));
        weights ??= own;
        const batch = randomBatch(smallJob(options), ROWS);
        gradients.push(
          trainer.forwardBackward(batch, { step: 0, replica: 0, replicas: 1, globalSamples: ROWS }).gradients,
        );
      } finally {
        trainer.close();
      }
    }
    const [ours, theirs] = gradients as [Float32Array[], Float32Array[]];
    for (const [weight, expected] of theirs.entries()) {
      const distance = relativeDistance(at(ours, weight), expected);
      assert.ok(distance <= TOLERANCE, `compile ${compile}, weight ${weight} from the end: ${distance}`);
    }
  }
}
