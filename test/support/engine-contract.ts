import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, LockstepError } from '../../shared/core/index.ts';
import { type LossName, type MetricName, optimizers } from '../../shared/job/index.ts';
import {
  type Engine,
  type EngineName,
  type Trainer,
  type TrainerOptions,
  tf,
  weightsSha256,
} from '../../worker/engine/index.ts';
import {
  cut,
  full,
  openEngine,
  randomBatch,
  relativeDistance,
  smallJob,
  sumContributions,
  train,
} from './engine-fixtures.ts';

/** Half the mantissa's 24 bits would be 2e-4; sums of some dozen float32 values in another order differ by about 1e-7. */
const REORDERED_SUM = 1e-6;

const whole = (rows: number) => ({ step: 0, replica: 0, replicas: 1, globalSamples: rows });

/** What every engine must do. The engine is the process's only one, so each runs in a test file of its own. */
export async function engineContract(name: EngineName, { compile }: { readonly compile: boolean }): Promise<void> {
  const { engine: opened, skip } = await openEngine(name);
  const engine = opened as Engine;
  const createTrainer = (options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
    engine.createTrainer(smallJob({ compile, ...options }));
  const contract = (behaviour: string, check: () => Promise<void>) =>
    test(`${name}${compile ? ', compiled' : ''}: ${behaviour}`, { skip }, check);

  const withTrainer = async (options: Partial<TrainerOptions>, check: (trainer: Trainer) => void): Promise<void> => {
    const trainer = await createTrainer(options);
    try {
      check(trainer);
    } finally {
      trainer.close();
    }
  };
  const hashAfter = async (options: Partial<TrainerOptions>, steps: number, replicas = 1): Promise<string> => {
    let hash = '';
    await withTrainer(options, (trainer) => {
      train(trainer, randomBatch(smallJob(options), 12), steps, replicas);
      hash = weightsSha256(trainer.readWeights());
    });
    return hash;
  };
  const rejects = (options: Partial<TrainerOptions>, code: string, message: RegExp): Promise<void> =>
    assert.rejects(createTrainer(options), (error: unknown) => {
      assert.ok(error instanceof LockstepError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });

  contract('says what decides its bits', async () => {
    assert.equal(engine.info.name, name);
    assert.match(engine.info.version, /^\d+\.\d+\.\d+/);
    assert.match(engine.info.deviceClass, /^(cpu|cuda)-./);
    assert.ok(engine.info.threads >= 1);
  });

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

  contract('closing gives every tensor back, and twice does no harm', async () => {
    const before = engine.memory().tensors;
    const trainer = await createTrainer({ buildModel: noisyModel });
    train(trainer, randomBatch(smallJob(), 12), 3, 2);
    trainer.close();
    trainer.close();
    assert.equal(engine.memory().tensors, before);
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

  contract('a diverged loss stops the run', () =>
    withTrainer({}, (trainer) => {
      const batch = randomBatch(smallJob(), 4);
      at(batch.inputs, 0)[0] = Number.NaN;
      const contribution = trainer.forwardBackward(batch, whole(4));
      assert.throws(() => trainer.apply(contribution, 3), /the loss of step 3 is NaN/);
    }),
  );
}

const softmax = () => tf.layers.dense({ units: 3, activation: 'softmax' });

function normalizedModel(): tf.LayersModel {
  return tf.sequential({ layers: [tf.layers.batchNormalization({ inputShape: [6], momentum: 0.9 }), softmax()] });
}

function regularizedModel(): tf.LayersModel {
  const kernelRegularizer = tf.regularizers.l2({ l2: 0.1 });
  return tf.sequential({ layers: [tf.layers.dense({ inputShape: [6], units: 8, kernelRegularizer }), softmax()] });
}

/** Everything that draws random numbers or keeps statistics. */
function noisyModel(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.gaussianNoise({ inputShape: [6], stddev: 0.1 }),
      tf.layers.dense({ units: 8, activation: 'relu' }),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.batchNormalization(),
      softmax(),
    ],
  });
}

/** The gradient of its weights shows which inputs were dropped. */
function dropoutOnly(seed: number | undefined): tf.LayersModel {
  const dropout = tf.layers.dropout({ rate: 0.5, inputShape: [6], ...(seed === undefined ? {} : { seed }) });
  return tf.sequential({ layers: [dropout, tf.layers.dense({ units: 3 })] });
}

function partlyFrozenModel(): tf.LayersModel {
  const frozen = tf.layers.dense({ inputShape: [6], units: 8, activation: 'tanh' });
  frozen.trainable = false;
  return tf.sequential({ layers: [frozen, softmax()] });
}

/** Wrappers, cells and a nested model: all the ways in which layers hold others. */
function deepModel(): tf.LayersModel {
  const inner = tf.sequential({
    layers: [tf.layers.dense({ inputShape: [4], units: 4 }), tf.layers.dense({ units: 4 })],
  });
  const input = tf.input({ shape: [5, 6] });
  const both = tf.layers
    .bidirectional({ layer: tf.layers.lstm({ units: 2, returnSequences: true }), mergeMode: 'concat' })
    .apply(input);
  const each = tf.layers.timeDistributed({ layer: tf.layers.dense({ units: 4 }) }).apply(both);
  const last = tf.layers.gru({ units: 4 }).apply(each);
  return tf.model({ inputs: input, outputs: softmax().apply(inner.apply(last)) as tf.SymbolicTensor });
}

function twoByTwoModel(): tf.LayersModel {
  const inputs = [tf.input({ shape: [6] }), tf.input({ shape: [6] })];
  const joined = tf.layers.concatenate().apply(inputs);
  return tf.model({ inputs, outputs: [softmax().apply(joined), softmax().apply(joined)] as tf.SymbolicTensor[] });
}

function untrainableModel(): tf.LayersModel {
  return tf.sequential({ layers: [tf.layers.activation({ inputShape: [3], activation: 'softmax' })] });
}

function statefulModel(): tf.LayersModel {
  return tf.sequential({
    layers: [tf.layers.lstm({ units: 3, stateful: true, batchInputShape: [4, 5, 6] }), softmax()],
  });
}
