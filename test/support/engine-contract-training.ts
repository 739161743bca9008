import assert from 'node:assert/strict';
import { at } from '../../shared/core/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { cut, full, randomBatch, relativeDistance, smallJob, sumContributions, train } from './engine-fixtures.ts';
import { normalizedModel, partlyFrozenModel, regularizedModel, twoByTwoModel } from './engine-models.ts';
import { type EngineUnderTest, REORDERED_SUM, whole } from './engine-under-test.ts';

/** What a microstep contributes, and what a step makes of it. */
export function trainingContract(subject: EngineUnderTest): void {
  const { contract, withTrainer } = subject;

  contract('gradients of replicas add up to those of the whole batch', () =>
    withTrainer({}, (trainer) => {
      const batch = randomBatch(smallJob(), 12);
      const expected = trainer.forwardBackward(batch, whole(12));
      for (const replicas of [2, 3, 6]) {
        const rows = 12 / replicas;
        const parts = Array.from({ length: replicas }, (_, replica) =>
          trainer.forwardBackward(cut(batch, replica * rows, (replica + 1) * rows), {
            step: 0,
            replica,
            replicas,
            globalSamples: 12,
          }),
        );
        const sum = sumContributions(parts);
        for (const [bucket, gradient] of sum.gradients.entries()) {
          assert.ok(relativeDistance(gradient, at(expected.gradients, bucket)) < REORDERED_SUM);
        }
        assert.ok(relativeDistance(sum.statistics, expected.statistics) < REORDERED_SUM);
      }
    }),
  );

  contract('contributions have the layout’s lengths and arrays of their own', () =>
    withTrainer({ bucketBytes: 1 }, (trainer) => {
      const { gradients, statistics } = trainer.forwardBackward(randomBatch(smallJob(), 4), whole(4));
      assert.deepEqual(
        gradients.map(({ length }) => length),
        trainer.layout.gradientBuckets,
      );
      assert.deepEqual(trainer.layout.gradientBuckets, [3, 24, 8, 48], 'last layers first');
      assert.equal(statistics.length, trainer.layout.statistics);
      const buffers = [...gradients, statistics].map(({ buffer }) => buffer);
      assert.equal(new Set(buffers).size, buffers.length);
      for (const array of [...gradients, statistics]) assert.equal(array.byteLength, array.buffer.byteLength);
    }),
  );

  contract('padding changes nothing, whatever it holds', () =>
    withTrainer({ buildModel: normalizedModel }, (trainer) => {
      const batch = randomBatch(smallJob(), 5);
      const padded = cut(batch, 0, 5, 12);
      at(padded.inputs, 0).fill(1e6, 5 * 6);
      assert.deepEqual(trainer.forwardBackward(padded, whole(5)), trainer.forwardBackward(batch, whole(5)));
      assert.deepEqual(trainer.evaluate(padded), trainer.evaluate(full(batch)));
      assert.deepEqual(trainer.predict(padded), trainer.predict(full(batch)));
    }),
  );

  contract('a replica without samples contributes zeros', () =>
    withTrainer({ buildModel: normalizedModel }, (trainer) => {
      const batch = randomBatch(smallJob(), 4);
      const none = trainer.forwardBackward(cut(batch, 0, 0, 4), whole(4));
      assert.deepEqual(
        none.gradients.map(({ length }) => length),
        trainer.layout.gradientBuckets,
      );
      assert.ok([...none.gradients, none.statistics].every((array) => array.every((value) => value === 0)));
      assert.deepEqual(trainer.evaluate(full(cut(batch, 0, 0, 4))), { samples: 0, lossSum: 0, metricSums: [0] });
      assert.deepEqual(trainer.predict(full(cut(batch, 0, 0, 4))), [new Float32Array(0)]);
    }),
  );

  contract('regularization counts once in a short step, though some replicas are empty', () =>
    withTrainer({ buildModel: regularizedModel }, (trainer) => {
      const batch = randomBatch(smallJob(), 4);
      const expected = trainer.forwardBackward(batch, whole(4));
      const parts = [cut(batch, 0, 3, 3), cut(batch, 3, 4, 3), cut(batch, 0, 0, 3)].map((part, replica) =>
        trainer.forwardBackward(part, { step: 0, replica, replicas: 3, globalSamples: 4 }),
      );
      const sum = sumContributions(parts);
      assert.ok(relativeDistance(sum.statistics, expected.statistics) < REORDERED_SUM);
      assert.ok(relativeDistance(at(sum.gradients, 0), at(expected.gradients, 0)) < REORDERED_SUM);
      assert.ok(
        Math.abs(trainer.evaluate(full(batch)).lossSum - at(expected.statistics, 0)) < 1e-4,
        'reported in both ways',
      );
    }),
  );

  contract('moving averages start from the committed ones in each replica and commit their weighted mean', () =>
    withTrainer({ buildModel: normalizedModel }, (trainer) => {
      const batch = randomBatch(smallJob(), 12);
      const moving = () => trainer.readWeights().filter(({ name }) => name.includes('moving'));
      const before = moving();
      const half = { step: 0, replicas: 2, globalSamples: 12 };
      const parts = [
        trainer.forwardBackward(cut(batch, 0, 8), { ...half, replica: 0 }),
        trainer.forwardBackward(cut(batch, 8, 12, 8), { ...half, replica: 1 }),
      ];
      assert.deepEqual(moving(), before, 'a microstep changes no weight');
      trainer.apply(sumContributions(parts), 0);
      const after = moving();
      const { values } = at(after, 0);
      const columns = [0, 1, 2, 3, 4, 5];
      const mean = (column: number) => {
        let sum = 0;
        for (let row = 0; row < 12; row++) sum += at(at(batch.inputs, 0), row * 6 + column);
        return sum / 12;
      };
      // The mean of the replicas' means, weighted by their rows, is the mean of all rows; momentum is 0.9.
      for (const column of columns) assert.ok(Math.abs(at(values, column) - 0.1 * mean(column)) < 1e-6);
    }),
  );

  contract('frozen weights and constants keep their bits', () =>
    withTrainer({ buildModel: partlyFrozenModel }, (trainer) => {
      const before = trainer.readWeights();
      train(trainer, randomBatch(smallJob(), 12), 3, 3);
      const after = trainer.readWeights();
      assert.deepEqual(
        after.filter(({ trainable }) => !trainable),
        before.filter(({ trainable }) => !trainable),
      );
      assert.notDeepEqual(
        after.filter(({ trainable }) => trainable),
        before.filter(({ trainable }) => trainable),
      );
      assert.equal(trainer.layout.statistics, 2, 'frozen weights are not sent around');
    }),
  );

  contract(
    'frozen batch normalization normalizes by its averages and keeps them, in a frozen model as well',
    async () => {
      const norm = () => tf.layers.batchNormalization({ inputShape: [6], momentum: 0.5 });
      const around = (make: () => tf.layers.Layer) => () =>
        tf.sequential({ layers: [make(), tf.layers.dense({ units: 3, activation: 'softmax' })] });
      const alone = () => {
        const layer = norm();
        layer.trainable = false;
        return layer;
      };
      const inside = () => {
        const model = tf.sequential({ layers: [norm()] });
        model.trainable = false;
        return model;
      };
      for (const make of [alone, inside]) {
        await withTrainer({ buildModel: around(make) }, (trainer) => {
          assert.equal(trainer.layout.statistics, 2, 'averages are not sent around');
          const batch = randomBatch(smallJob(), 12);
          const still = () => trainer.readWeights().filter(({ trainable }) => !trainable);
          const before = still();
          const { statistics } = trainer.forwardBackward(batch, whole(12));
          // In training as in evaluation: by the averages.
          const { lossSum } = trainer.evaluate(full(batch));
          assert.ok(relativeDistance([at(statistics, 0)], [lossSum]) < REORDERED_SUM);
          train(trainer, batch, 3, 2);
          assert.deepEqual(still(), before);
          assert.equal(before.length, 4);
        });
      }
      await withTrainer({ buildModel: around(norm) }, (trainer) => assert.equal(trainer.layout.statistics, 2 + 12));
    },
  );

  contract('a model with two inputs and two outputs trains on the sum of its losses', () => {
    const two = {
      inputs: [smallJob().inputs, smallJob().inputs].flat(),
      targets: [smallJob().targets, smallJob().targets].flat(),
    };
    return withTrainer({ ...two, metrics: [], buildModel: twoByTwoModel }, (trainer) => {
      const batch = randomBatch(two, 8);
      const before = trainer.evaluate(full(batch)).lossSum;
      train(trainer, batch, 5, 2);
      assert.ok(trainer.evaluate(full(batch)).lossSum < before);
      assert.deepEqual(
        trainer.predict(full(batch)).map(({ length }) => length),
        [24, 24],
      );
    });
  });

  contract('integer inputs and labels train an embedding', () => {
    const specs = {
      inputs: [{ shape: [4], dtype: 'int32' as const }],
      targets: [{ shape: [], dtype: 'int32' as const }],
    };
    const buildModel = () =>
      tf.sequential({
        layers: [
          tf.layers.embedding({ inputDim: 10, outputDim: 4, inputLength: 4 }),
          tf.layers.globalAveragePooling1d({}),
          tf.layers.dense({ units: 3, activation: 'softmax' }),
        ],
      });
    return withTrainer({ ...specs, loss: 'sparseCategoricalCrossentropy', buildModel }, (trainer) => {
      const batch = {
        rows: 3,
        realRows: 3,
        weights: Float32Array.of(1, 1, 1),
        inputs: [Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2)],
        targets: [Int32Array.of(0, 1, 2)],
      };
      const before = trainer.evaluate(full(batch));
      train(trainer, batch, 20);
      assert.ok(trainer.evaluate(full(batch)).lossSum < before.lossSum);
      assert.throws(
        () => trainer.forwardBackward({ ...batch, targets: [Int32Array.of(0, 3, 2)] }, whole(3)),
        /row 1 .* label 3/,
      );
    });
  });

  contract('a constraint holds after every update', () => {
    const buildModel = () =>
      tf.sequential({
        layers: [tf.layers.dense({ inputShape: [6], units: 3, activation: 'softmax', kernelConstraint: 'nonNeg' })],
      });
    return withTrainer({ buildModel }, (trainer) => {
      train(trainer, randomBatch(smallJob(), 12), 3);
      assert.ok(at(trainer.readWeights(), 0).values.every((value) => value >= 0));
    });
  });

  contract('a diverged loss stops the run', () =>
    withTrainer({}, (trainer) => {
      const batch = randomBatch(smallJob(), 4);
      at(batch.inputs, 0)[0] = Number.NaN;
      const contribution = trainer.forwardBackward(batch, whole(4));
      assert.throws(() => trainer.apply(contribution, 3), /the loss of step 3 is NaN/);
    }),
  );
}
