import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import type { TensorSpec } from '../../shared/job/index.ts';
import { type Contribution, type Engine, type Trainer, tf, weightsSha256 } from '../../worker/engine/index.ts';
import { openEngine, randomBatch, smallJob } from '../support/engine-fixtures.ts';
import { nearestBfloat16, sameBits } from '../support/reference-sum.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

const ROWS = 12;
const options = { rows: [ROWS], bucketBytes: 1 << 20 };

async function withTrainer<T>(
  overrides: Partial<Parameters<typeof smallJob>[0]>,
  use: (trainer: Trainer) => T,
): Promise<T> {
  const trainer = await engine.createTrainer(smallJob({ ...options, ...overrides }));
  try {
    return use(trainer);
  } finally {
    trainer.close();
  }
}

const step = (index: number) => ({ step: index, replica: 0, replicas: 1, globalSamples: ROWS });
const batch = () => randomBatch(smallJob(options), ROWS);
const contribution = (trainer: Trainer): Contribution => trainer.forwardBackward(batch(), step(0));

for (const compile of [true, false]) {
  for (const bucketBytes of [4, 1 << 20]) {
    const how = `${compile ? 'compiled' : 'eager'}, buckets of ${bucketBytes} bytes`;

    test(`bfloat16 gradients are the float32 ones, rounded to nearest: ${how}`, { skip }, async () => {
      const exact = await withTrainer({ compile, bucketBytes, wire: 'float32' }, contribution);
      const { rounded, layout } = await withTrainer({ compile, bucketBytes, wire: 'bfloat16' }, (trainer) => {
        return { rounded: contribution(trainer), layout: trainer.layout };
      });
      sameBits(rounded.statistics, exact.statistics);
      assert.equal(rounded.gradients.length, exact.gradients.length);
      for (const [bucket, values] of exact.gradients.entries()) {
        const even = new Uint16Array(values.length + (values.length % 2));
        even.set(Uint16Array.from(values, nearestBfloat16));
        sameBits(rounded.gradients[bucket], even);
        assert.equal(layout.gradientBuckets[bucket], even.length);
      }
    });
  }
}

test('a whole step on the device moves the weights by the same bits as a reduced one', { skip }, async () => {
  const whole = await withTrainer({ compile: true, wire: 'bfloat16', replicas: 1 }, (trainer) => {
    for (let index = 0; index < 4; index++) trainer.trainWhole?.(batch(), step(index));
    return weightsSha256(trainer.readWeights());
  });
  for (const bucketBytes of [4, 1 << 20]) {
    const parts = await withTrainer({ compile: true, wire: 'bfloat16', bucketBytes, replicas: 1 }, (trainer) => {
      for (let index = 0; index < 4; index++) trainer.apply(trainer.forwardBackward(batch(), step(index)), index);
      return weightsSha256(trainer.readWeights());
    });
    assert.equal(parts, whole);
  }
  const exact = await withTrainer({ compile: true, replicas: 1 }, (trainer) => {
    for (let index = 0; index < 4; index++) trainer.trainWhole?.(batch(), step(index));
    return weightsSha256(trainer.readWeights());
  });
  assert.notEqual(exact, whole);
});

test('the graph rounds ties to even and makes infinite what is too large', { skip }, async () => {
  // The gradient of Σ w·x by w is x: any value goes through.
  const special = [1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8, 3.4e38, 2 ** -126, 1e-3];
  const spec: TensorSpec = { shape: [special.length], dtype: 'float32' };
  const gradients = await withTrainer(
    {
      compile: true,
      wire: 'bfloat16',
      buildModel: () =>
        tf.sequential({
          layers: [
            tf.layers.dense({
              inputShape: spec.shape as number[],
              units: 1,
              useBias: false,
              kernelInitializer: 'zeros',
            }),
          ],
        }),
      loss: (_, predicted) => tf.sum(predicted, -1),
      metrics: [],
      rows: [1],
      inputs: [spec],
      targets: [{ shape: [1], dtype: 'float32' }],
    },
    (trainer) =>
      trainer.forwardBackward(
        {
          rows: 1,
          realRows: 1,
          inputs: [new Float32Array(special)],
          targets: [new Float32Array(1)],
          weights: new Float32Array([1]),
        },
        { step: 0, replica: 0, replicas: 1, globalSamples: 1 },
      ).gradients,
  );
  const expected = special.map((value) => nearestBfloat16(Math.fround(value)));
  assert.deepEqual([...at(gradients, 0)].slice(0, special.length), expected);
});
