import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import { type Engine, tf } from '../../worker/engine/index.ts';
import { chapterCnn, cnnJob, openEngine, randomBatch, relativeDistance } from '../support/engine-fixtures.ts';

/** Float32 sums over up to 800,000 products in another order, over ten steps; the project's own promise. */
const TOLERANCE = 1e-5;
const ROWS = 8;
const STEPS = 10;

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

for (const compile of [false, true]) {
  const how = compile ? 'compiled' : 'eager';
  test(`ten ${how} steps of SGD on the chapter’s CNN equal tfjs’s trainOnBatch`, { skip }, async () => {
    const trainer = await engine.createTrainer(cnnJob({ rows: [ROWS], compile }));
    const reference = chapterCnn();
    const weights = trainer.readWeights();
    reference.setWeights(weights.map(({ values, shape }) => tf.tensor(values.slice(), [...shape])));
    reference.compile({ optimizer: tf.train.sgd(0.01), loss: 'categoricalCrossentropy' });

    for (let step = 0; step < STEPS; step++) {
      const batch = randomBatch(cnnJob(), ROWS, step);
      const inputs = tf.tensor(at(batch.inputs, 0).slice(), [ROWS, 64, 64, 3]);
      const targets = tf.tensor(at(batch.targets, 0).slice(), [ROWS, 10]);
      const loss = (await reference.trainOnBatch(inputs, targets)) as number;
      tf.dispose([inputs, targets]);
      const contribution = trainer.forwardBackward(batch, { step, replica: 0, replicas: 1, globalSamples: ROWS });
      trainer.apply(contribution, step);
      assert.ok(Math.abs(at(contribution.statistics, 0) / ROWS - loss) <= TOLERANCE * loss, `loss of step ${step}`);
    }

    const expected = reference.getWeights().map((tensor) => tensor.dataSync<'float32'>());
    for (const [index, { name, values }] of trainer.readWeights().entries()) {
      const distance = relativeDistance(values, at(expected, index));
      assert.ok(distance <= TOLERANCE, `${name} is off by ${distance.toExponential(2)}`);
      assert.notDeepEqual(values, at(weights, index).values, `${name} has moved`);
    }
    reference.dispose();
    trainer.close();
  });
}
