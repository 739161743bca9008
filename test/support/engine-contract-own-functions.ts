import assert from 'node:assert/strict';
import { at } from '../../shared/core/index.ts';
import { type TrainerOptions, tf } from '../../worker/engine/index.ts';
import { cut, full, randomBatch, relativeDistance, smallJob, sumContributions, train } from './engine-fixtures.ts';
import { type EngineUnderTest, REORDERED_SUM, whole } from './engine-under-test.ts';

/** The formula of `meanSquaredError`, before the mean over a sample's values. */
const squares = (yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor => tf.squaredDifference(yTrue, yPred);

function farOff(yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor {
  return tf.greater(tf.max(tf.abs(tf.sub(yTrue, yPred)), -1), 0.6);
}

/** A tagger: masked words in, one class per position out. */
const tagger = {
  buildModel: () =>
    tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 9, outputDim: 4, inputLength: 5, maskZero: true }),
        tf.layers.lstm({ units: 4, returnSequences: true, recurrentActivation: 'sigmoid' }),
        tf.layers.dense({ units: 1 }),
      ],
    }),
  inputs: [{ shape: [5], dtype: 'int32' as const }],
  targets: [{ shape: [5], dtype: 'float32' as const }],
  metrics: [],
  rows: [3],
};

/** Losses and metrics of the job's own. */
export function ownFunctionsContract(subject: EngineUnderTest): void {
  const { contract, withTrainer, hashAfter, rejects, engine } = subject;

  /** All weights after two steps of two replicas. */
  const trained = async (options: Partial<TrainerOptions>): Promise<number[]> => {
    let values: number[] = [];
    await withTrainer(options, (trainer) => {
      train(trainer, randomBatch(smallJob(options), 12), 2, 2);
      values = trainer.readWeights().flatMap((weight) => [...weight.values]);
    });
    return values;
  };

  contract('a loss of the job’s own trains as the same one by its name', async () => {
    const named = await trained({ loss: 'meanSquaredError' });
    assert.ok(relativeDistance(await trained({ loss: squares }), named) < REORDERED_SUM, 'values of [batch, 3]');
    const perSample = (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.mean(squares(yTrue, yPred), -1);
    assert.ok(relativeDistance(await trained({ loss: perSample }), named) < REORDERED_SUM, 'values of [batch]');
    const twice = (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.mul(2, squares(yTrue, yPred));
    assert.ok(relativeDistance(await trained({ loss: twice }), named) > 1e-3);
  });

  contract('a loss of the job’s own gives the same bits each time', async () => {
    assert.equal(await hashAfter({ loss: squares }, 3, 2), await hashAfter({ loss: squares }, 3, 2));
  });

  contract('a loss and a metric of the job’s own are means over the real samples, however a step is cut', () =>
    withTrainer({ loss: squares, metrics: ['meanSquaredError', farOff] }, (trainer) => {
      assert.deepEqual(
        trainer.metrics.map(({ name }) => name),
        ['meanSquaredError', 'farOff'],
      );
      const batch = randomBatch(smallJob(), 5);
      const expected = trainer.forwardBackward(batch, whole(5));
      const parts = [cut(batch, 0, 4, 4), cut(batch, 4, 5, 4), cut(batch, 0, 0, 4)].map((part, replica) =>
        trainer.forwardBackward(part, { step: 0, replica, replicas: 3, globalSamples: 5 }),
      );
      const sum = sumContributions(parts);
      assert.ok(relativeDistance(sum.statistics, expected.statistics) < REORDERED_SUM);
      for (const [bucket, gradient] of sum.gradients.entries()) {
        assert.ok(relativeDistance(gradient, at(expected.gradients, bucket)) < REORDERED_SUM);
      }
      const [lossSum, namedSum, farSum] = expected.statistics;
      assert.equal(lossSum, namedSum);
      const [predicted] = trainer.predict(full(batch));
      const far = [0, 1, 2, 3, 4].filter((row) =>
        [0, 1, 2].some((k) => Math.abs(at(predicted ?? [], 3 * row + k) - at(at(batch.targets, 0), 3 * row + k)) > 0.6),
      );
      assert.equal(farSum, far.length);
      const evaluated = trainer.evaluate(full(batch));
      assert.equal(evaluated.samples, 5);
      assert.equal(at(evaluated.metricSums, 1), far.length);
    }),
  );

  contract('a target without the output’s last dimension does not broadcast against it', async () => {
    const one = {
      buildModel: () => tf.sequential({ layers: [tf.layers.dense({ inputShape: [6], units: 1 })] }),
      targets: [{ shape: [], dtype: 'float32' as const }],
      metrics: [],
    };
    const named = await trained({ ...one, loss: 'meanSquaredError' });
    assert.ok(relativeDistance(await trained({ ...one, loss: squares }), named) < REORDERED_SUM);
  });

  contract('a loss of its own gets labels in float32 and may look at each output', async () => {
    const labels = { targets: [{ shape: [], dtype: 'int32' as const }], metrics: [] };
    const loss = (yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor => {
      assert.equal(yTrue.dtype, 'float32');
      const oneHot = tf.oneHot(tf.cast(tf.reshape(yTrue, [-1]), 'int32'), 3);
      return tf.neg(tf.log(tf.sum(tf.mul(oneHot, yPred), -1)));
    };
    await withTrainer({ ...labels, loss }, (trainer) => {
      const batch = { ...randomBatch(smallJob(), 4), targets: [Int32Array.of(0, 1, 2, 0)] };
      const before = trainer.evaluate(full(batch)).lossSum;
      train(trainer, batch, 10);
      assert.ok(trainer.evaluate(full(batch)).lossSum < before);
    });
  });

  contract('a function of the job’s own that gives no value per sample is refused with what is expected', async () => {
    const before = engine.memory().tensors;
    const perSample = /value for each sample, \[batch\] or \[batch, …\].*padding.*all replicas/;
    await rejects({ loss: (a, b) => tf.mean(squares(a, b)) }, 'job/invalid', /job’s loss gave one number/);
    await rejects({ loss: (a, b) => tf.mean(squares(a, b)) }, 'job/invalid', perSample);
    // 3 features, and 3 rows in the first trial.
    await rejects({ loss: (a, b) => tf.mean(squares(a, b), 0) }, 'job/invalid', /gave shape \[3\] for a batch of 2/);
    await rejects(
      {
        metrics: [
          function worst(a: tf.Tensor, b: tf.Tensor) {
            return tf.max(squares(a, b));
          },
        ],
      },
      'job/invalid',
      /job’s metric worst gave one number/,
    );
    await rejects({ loss: () => 1 }, 'job/invalid', /must return a tensor of shape \[batch, …\], got number/);
    await rejects({ loss: (a, b) => tf.equal(a, b) }, 'job/invalid', /type bool, which have no gradient/);
    await rejects(
      { loss: async (a: tf.Tensor, b: tf.Tensor) => tf.mul(squares(a, b), (await b.data())[0] ?? 0) },
      'job/invalid',
      /asynchronous.*tf\.where/,
    );
    await rejects(
      {
        loss: () => {
          throw new Error('my own bug');
        },
      },
      'job/threw',
      /the job’s loss threw: my own bug/,
    );
    assert.equal(engine.memory().tensors, before);
  });

  contract('a loss of its own gets the mask of the model’s output, and a named one is refused there', async () => {
    await rejects({ ...tagger, loss: 'meanSquaredError' }, 'engine/unsupported', /layer dense is masked.*mask\) =>/);
    const masked = (yTrue: tf.Tensor, yPred: tf.Tensor, mask: tf.Tensor | null): tf.Tensor => {
      assert.ok(mask !== null);
      const real = tf.cast(mask, 'float32'); // [batch, time]
      return tf.div(tf.sum(tf.mul(squares(yTrue, tf.reshape(yPred, yTrue.shape)), real), -1), tf.sum(real, -1));
    };
    await withTrainer({ ...tagger, loss: masked }, (trainer) => {
      const words = Int32Array.of(1, 2, 0, 0, 0, 3, 4, 5, 0, 0, 6, 7, 8, 1, 2);
      const tags = Float32Array.from(words, (word) => word % 2);
      const batch = { rows: 3, realRows: 3, weights: Float32Array.of(1, 1, 1), inputs: [words], targets: [tags] };
      const other = { ...batch, targets: [tags.map((tag, k) => (words[k] === 0 ? 100 : tag))] };
      assert.deepEqual(trainer.forwardBackward(other, whole(3)), trainer.forwardBackward(batch, whole(3)));
      const before = trainer.evaluate(batch).lossSum;
      train(trainer, batch, 5);
      assert.ok(trainer.evaluate(batch).lossSum < before);
    });
  });
}
