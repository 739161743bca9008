import assert from 'node:assert/strict';
import { type LossName, type MetricName, optimizers } from '../../shared/job/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { randomBatch, smallJob, train } from './engine-fixtures.ts';
import { noisyModel, statefulModel, untrainableModel } from './engine-models.ts';
import type { EngineUnderTest } from './engine-under-test.ts';

/** What an engine refuses, and what it gives back. */
export function limitsContract(subject: EngineUnderTest): void {
  const { engine, contract, createTrainer, rejects } = subject;

  contract('closing gives every tensor back, and twice does no harm', async () => {
    const before = engine.memory().tensors;
    const trainer = await createTrainer({ buildModel: noisyModel });
    train(trainer, randomBatch(smallJob(), 12), 3, 2);
    trainer.close();
    trainer.close();
    assert.equal(engine.memory().tensors, before);
  });

  contract('memory counts weights and optimizer slots', async () => {
    const adam = await createTrainer({ optimizer: optimizers.adam() });
    const weights = adam.readWeights().reduce((bytes, { values }) => bytes + values.byteLength, 0);
    const { modelBytes, valueBytes } = adam.memory();
    adam.close();
    assert.equal(modelBytes, 3 * weights);
    assert.equal(valueBytes > 0, subject.isCompiled, 'values of a step are known where it is compiled');
  });

  contract('a refused model leaves no tensors behind', async () => {
    const before = engine.memory().tensors;
    await rejects({ targets: [{ shape: [4], dtype: 'float32' }] }, 'data/shape', /dense_1 .*\[3\].*\[4\]/);
    assert.equal(engine.memory().tensors, before);
  });

  contract('models that cannot train are refused with the reason', async () => {
    const failure = new Error('my own bug');
    await rejects({ buildModel: () => Promise.reject(failure) }, 'job/threw', /my own bug/);
    await rejects({ buildModel: () => undefined }, 'job/invalid', /must return a tf.LayersModel.*undefined/);
    await rejects({ buildModel: () => tf.sequential() }, 'job/invalid', /no layers/);
    await rejects({ buildModel: untrainableModel }, 'job/invalid', /no trainable weights/);
    await rejects(
      { buildModel: statefulModel, inputs: [{ shape: [5, 6], dtype: 'float32' }] },
      'engine/unsupported',
      /stateful/,
    );
    await rejects({ loss: 'mse2' as LossName }, 'job/invalid', /did you mean/);
    await rejects({ metrics: ['accurracy' as MetricName] }, 'job/invalid', /did you mean "accuracy"/);
  });
}
