import assert from 'node:assert/strict';
import { tf, weightsSha256 } from '../../worker/engine/index.ts';
import { cut, full, randomBatch, smallJob, sumContributions } from './engine-fixtures.ts';
import { dropoutOnly, noisyModel } from './engine-models.ts';
import { type EngineUnderTest, whole } from './engine-under-test.ts';

/** The same bits from the same seed, whatever happened before. */
export function determinismContract(subject: EngineUnderTest): void {
  const { contract, createTrainer, withTrainer, hashAfter } = subject;

  contract('the same job gives the same bits, again and beside another trainer', async () => {
    const options = { buildModel: noisyModel };
    const first = await hashAfter(options, 5, 3);
    const other = await createTrainer();
    assert.equal(await hashAfter(options, 5, 3), first);
    other.close();
    assert.notEqual(await hashAfter({ ...options, seed: 8 }, 5, 3), first, 'another seed, other weights');
  });

  contract('every initializer draws from the seed', async () => {
    for (const kernelInitializer of [
      'glorotNormal',
      'glorotUniform',
      'heNormal',
      'heUniform',
      'leCunNormal',
      'leCunUniform',
      'orthogonal',
      'randomNormal',
      'randomUniform',
      'truncatedNormal',
    ] as const) {
      const buildModel = () =>
        tf.sequential({ layers: [tf.layers.dense({ inputShape: [6], units: 3, kernelInitializer })] });
      assert.equal(await hashAfter({ buildModel }, 0), await hashAfter({ buildModel }, 0), kernelInitializer);
      assert.notEqual(
        await hashAfter({ buildModel }, 0),
        await hashAfter({ buildModel, seed: 8 }, 0),
        kernelInitializer,
      );
    }
  });

  for (const [kind, seed] of [
    ['without', undefined],
    ['with', 5],
  ] as const) {
    contract(
      `the mask of a dropout ${kind} a seed of its own depends on the step and the replica, and on nothing else`,
      () =>
        withTrainer({ buildModel: () => dropoutOnly(seed), metrics: [], loss: 'meanSquaredError' }, (trainer) => {
          const batch = { ...randomBatch(smallJob(), 8), targets: [new Float32Array(24)] };
          const gradient = (step: number, replica: number) =>
            trainer.forwardBackward(batch, { step, replica, replicas: 2, globalSamples: 16 }).gradients[0];
          const first = gradient(0, 0);
          const second = gradient(1, 0);
          assert.notDeepEqual(second, first);
          assert.notDeepEqual(gradient(0, 1), first);
          assert.deepEqual(gradient(0, 0), first);
          assert.deepEqual(gradient(1, 0), second);
        }),
    );
  }

  contract(
    'k microsteps of one replica contribute the same bits as one of k replicas, dropout and batch norm included',
    async () => {
      const batch = randomBatch(smallJob(), 12);
      const part = (index: number) => cut(batch, index * 4, (index + 1) * 4);
      const common = { step: 3, globalSamples: 12 };
      for (const wire of ['float32', 'bfloat16'] as const) {
        await withTrainer({ buildModel: noisyModel, accumulate: 3, wire }, (trainer) => {
          // Twice: what was accumulated is gone after the last one.
          for (let repeat = 0; repeat < 2; repeat++) {
            for (const index of [0, 1])
              trainer.accumulate(part(index), { ...common, replica: 0, replicas: 1, microstep: index });
            const summed = trainer.forwardBackward(part(2), { ...common, replica: 0, replicas: 1, microstep: 2 });
            const alone = [0, 1, 2].map((replica) =>
              trainer.forwardBackward(part(replica), { ...common, replica, replicas: 3 }),
            );
            const { gradients, statistics } = wire === 'float32' ? sumContributions(alone) : summed;
            assert.deepEqual(summed.gradients, gradients);
            assert.deepEqual(summed.statistics, statistics);
            assert.notDeepEqual(summed.statistics, alone[2]?.statistics);
          }
        });
      }
    },
  );

  contract('setting the weights forgets what was accumulated', async () => {
    await withTrainer({ accumulate: 2 }, (trainer) => {
      const batch = randomBatch(smallJob(), 4);
      const expected = trainer.forwardBackward(batch, whole(4));
      trainer.accumulate(batch, whole(4));
      trainer.writeWeights(trainer.readWeights());
      assert.deepEqual(trainer.forwardBackward(batch, whole(4)), expected);
    });
  });

  contract('evaluation and prediction leave no trace in training', async () => {
    const plain = await hashAfter({ buildModel: noisyModel }, 3);
    await withTrainer({ buildModel: noisyModel }, (trainer) => {
      const batch = randomBatch(smallJob(), 12);
      for (let step = 0; step < 3; step++) {
        trainer.evaluate(full(batch));
        trainer.apply(trainer.forwardBackward(batch, { ...whole(12), step }), step);
        trainer.predict(full(batch));
      }
      assert.equal(weightsSha256(trainer.readWeights()), plain);
    });
  });
}
