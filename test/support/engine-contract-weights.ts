import assert from 'node:assert/strict';
import { at, LockstepError } from '../../shared/core/index.ts';
import { optimizers } from '../../shared/job/index.ts';
import { type Trainer, tf, weightsSha256 } from '../../worker/engine/index.ts';
import { full, randomBatch, relativeDistance, smallJob, train } from './engine-fixtures.ts';
import { deepModel, normalizedModel } from './engine-models.ts';
import { type EngineUnderTest, REORDERED_SUM, whole } from './engine-under-test.ts';

/** Weights in and out, evaluation and prediction. */
export function weightsContract(subject: EngineUnderTest): void {
  const { contract, createTrainer, withTrainer, hashAfter } = subject;

  contract(
    'weights are read in order, written back exactly, and names do not depend on what was built before',
    async () => {
      const first = await createTrainer({ buildModel: normalizedModel });
      const second = await createTrainer({ buildModel: normalizedModel, seed: 99 });
      const weights = first.readWeights();
      assert.deepEqual(
        weights.map(({ name }) => name),
        [
          'batch_normalization/gamma',
          'batch_normalization/beta',
          'dense/kernel',
          'dense/bias',
          'batch_normalization/moving_mean',
          'batch_normalization/moving_variance',
        ],
      );
      assert.deepEqual(
        second.readWeights().map(({ name }) => name),
        weights.map(({ name }) => name),
      );
      assert.deepEqual(second.topology, first.topology);
      second.writeWeights(weights);
      const hash = weightsSha256(weights);
      for (const { values } of weights) values.fill(0);
      assert.equal(weightsSha256(second.readWeights()), hash, 'the written arrays are the caller’s');
      assert.equal(weightsSha256(first.readWeights()), hash, 'the read arrays are the caller’s');
      const batch = randomBatch(smallJob(), 6);
      assert.deepEqual(second.predict(full(batch)), first.predict(full(batch)));
      first.close();
      second.close();
    },
  );

  contract('written weights start afresh, without what the optimizer gathered before', async () => {
    const optimizer = optimizers.adam({ learningRate: 0.1 });
    const fresh = await hashAfter({ optimizer }, 3);
    await withTrainer({ optimizer }, (trainer) => {
      const initial = trainer.readWeights();
      const batch = randomBatch(smallJob(), 12);
      train(trainer, batch, 2);
      trainer.writeWeights(initial);
      train(trainer, batch, 3);
      assert.equal(weightsSha256(trainer.readWeights()), fresh);
    });
  });

  contract(
    'a state that was read goes on with the same bits in another trainer, whatever that one did before',
    async () => {
      const kinds = [
        optimizers.sgd({ learningRate: 0.1, momentum: 0.9 }),
        optimizers.adam({ learningRate: 0.1 }),
        optimizers.rmsprop({ learningRate: 0.1, momentum: 0.5, centered: true }),
        optimizers.adagrad({ learningRate: 0.1 }),
        optimizers.nadam({ learningRate: 0.1 }),
      ];
      for (const optimizer of kinds) {
        const options = { optimizer, buildModel: normalizedModel };
        const batch = randomBatch(smallJob(), 12);
        const undisturbed = await createTrainer(options);
        const resumed = await createTrainer({ ...options, seed: 99 });
        const steps = (trainer: Trainer, from: number, to: number): string => {
          for (let step = from; step < to; step++) {
            trainer.apply(trainer.forwardBackward(batch, { ...whole(12), step }), step);
          }
          return weightsSha256(trainer.readWeights());
        };
        steps(undisturbed, 0, 3);
        const state = undisturbed.readState();
        const end = steps(undisturbed, 3, 6);
        steps(resumed, 0, 2);
        resumed.writeState(state);
        const { weights, slots } = resumed.readState();
        assert.deepEqual({ weights, slots }, state);
        for (const { values } of state.slots) values.fill(0);
        assert.notEqual(state.slots.length, 0);
        assert.equal(steps(resumed, 3, 6), end, optimizer.name);
        undisturbed.close();
        resumed.close();
      }
    },
  );

  contract('a state with other slots is refused by name, and nothing is changed', () =>
    withTrainer({ optimizer: optimizers.adam({}) }, (trainer) => {
      const { weights, slots } = trainer.readState();
      const hash = weightsSha256(weights);
      const zeros = weights.map((weight) => ({ ...weight, values: new Float32Array(weight.values.length) }));
      assert.equal(at(slots, 0).name, 'dense/kernel/momentum');
      assert.throws(() => trainer.writeState({ weights: zeros, slots: [] }), /dense\/kernel\/momentum .* missing/);
      assert.equal(weightsSha256(trainer.readWeights()), hash);
    }),
  );

  contract('weights of another model are refused by name, and none is changed', () =>
    withTrainer({}, (trainer) => {
      const weights = trainer.readWeights();
      const hash = weightsSha256(weights);
      const refuses = (given: typeof weights, message: RegExp) =>
        assert.throws(
          () => trainer.writeWeights(given),
          (error: unknown) => {
            assert.ok(error instanceof LockstepError);
            assert.equal(error.code, 'checkpoint/mismatch');
            assert.match(error.message, message);
            return true;
          },
        );
      const zeros = weights.map((weight) => ({ ...weight, values: new Float32Array(weight.values.length) }));
      refuses(zeros.slice(0, -1), /dense_1\/bias .* missing/);
      refuses(zeros.with(1, { ...at(zeros, 1), name: 'dense/b' }), /dense\/b, but dense\/bias/);
      refuses(zeros.with(3, { ...at(zeros, 3), shape: [4] }), /dense_1\/bias has shape \[4\], but \[3\]/);
      refuses([...zeros, { ...at(zeros, 0), name: 'extra' }], /extra is not in/);
      assert.equal(weightsSha256(trainer.readWeights()), hash);
    }),
  );

  contract('a topology with its weights loads in plain tfjs and predicts the same', async () => {
    const specs = { inputs: [{ shape: [5, 6], dtype: 'float32' as const }], targets: smallJob().targets };
    const trainer = await createTrainer({ ...specs, buildModel: deepModel });
    const weights = trainer.readWeights();
    const loaded = await tf.loadLayersModel({
      load: async () => ({
        modelTopology: trainer.topology as object,
        weightSpecs: weights.map((weight) => ({
          name: weight.name,
          shape: [...weight.shape],
          dtype: 'float32' as const,
        })),
        weightData: new Uint8Array(Buffer.concat(weights.map(({ values }) => new Uint8Array(values.buffer)))).buffer,
      }),
    });
    const batch = randomBatch(specs, 4);
    const expected = tf.tidy(() => {
      const prediction = loaded.predict(tf.tensor(at(batch.inputs, 0), [4, 5, 6])) as tf.Tensor;
      return prediction.dataSync<'float32'>().slice();
    });
    const [predicted = new Float32Array()] = trainer.predict(full(batch));
    assert.ok(relativeDistance(predicted, expected) < REORDERED_SUM);
    loaded.dispose();
    trainer.close();
  });

  contract('evaluation sums what prediction gives', () =>
    withTrainer({ metrics: ['accuracy', 'meanSquaredError'] }, (trainer) => {
      const batch = randomBatch(smallJob(), 9);
      const [probabilities] = trainer.predict(full(batch));
      const truth = at(batch.targets, 0);
      let loss = 0;
      let hits = 0;
      for (let row = 0; row < 9; row++) {
        const p = [0, 1, 2].map((column) => at(probabilities as Float32Array, row * 3 + column));
        const label = truth.subarray(row * 3, row * 3 + 3).indexOf(1);
        loss -= Math.log(at(p, label));
        if (p.indexOf(Math.max(...p)) === label) hits++;
      }
      const sums = trainer.evaluate(full(batch));
      assert.equal(sums.samples, 9);
      assert.ok(Math.abs(sums.lossSum - loss) < 1e-5);
      assert.equal(sums.metricSums[0], hits);
      assert.equal(sums.metricSums.length, 2);
    }),
  );
}
