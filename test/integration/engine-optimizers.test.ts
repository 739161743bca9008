import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OptimizerConfig, optimizerNames, resolveOptimizer, schedules } from '../../shared/job/index.ts';
import { type Engine, type Trainer, weightsSha256 } from '../../worker/engine/index.ts';
import { openEngine, randomBatch, smallJob } from '../support/engine-fixtures.ts';
import { thrown } from '../support/thrown.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

/** Everything that can be around an update. */
const around = {
  learningRate: schedules.warmup({ warmupSteps: 2, schedule: 0.05 }),
  weightDecay: 0.1,
  globalClipNorm: 0.3,
};
const STEPS = 5;
const ROWS = 12;

async function withTrainer<T>(
  options: { optimizer: OptimizerConfig; compile: boolean; bucketBytes?: number },
  use: (trainer: Trainer) => T,
): Promise<T> {
  const trainer = await engine.createTrainer(smallJob({ ...options, rows: [ROWS] }));
  try {
    return use(trainer);
  } finally {
    trainer.close();
  }
}

function reducedSteps(trainer: Trainer): string {
  for (let step = 0; step < STEPS; step++) {
    const microstep = { step, replica: 0, replicas: 1, globalSamples: ROWS };
    trainer.apply(trainer.forwardBackward(randomBatch(smallJob(), ROWS, step), microstep), step);
  }
  return weightsSha256(trainer.readWeights());
}

function wholeSteps(trainer: Trainer): string {
  for (let step = 0; step < STEPS; step++) {
    const microstep = { step, replica: 0, replicas: 1, globalSamples: ROWS };
    assert.ok(trainer.trainWhole !== undefined);
    trainer.trainWhole(randomBatch(smallJob(), ROWS, step), microstep);
  }
  return weightsSha256(trainer.readWeights());
}

for (const name of optimizerNames) {
  const optimizer = resolveOptimizer({ name, ...around });

  test(`${name}, decayed and clipped: whole steps and reduced ones give the same bits`, { skip }, async () => {
    const reduced = await withTrainer({ optimizer, compile: true }, reducedSteps);
    assert.equal(await withTrainer({ optimizer, compile: true }, wholeSteps), reduced);
  });

  test(`${name}, decayed and clipped: the size of buckets does not change the bits`, { skip }, async () => {
    for (const compile of [true, false]) {
      const small = await withTrainer({ optimizer, compile, bucketBytes: 4 }, reducedSteps);
      assert.equal(await withTrainer({ optimizer, compile, bucketBytes: 1 << 20 }, reducedSteps), small);
    }
  });

  test(`${name}, decayed and clipped: a loss that is not finite leaves the weights as they are`, { skip }, async () => {
    await withTrainer({ optimizer, compile: true }, (trainer) => {
      const before = weightsSha256(trainer.readWeights());
      const batch = randomBatch(smallJob(), ROWS);
      const broken = { ...batch, inputs: [new Float32Array(ROWS * 6).fill(Number.NaN)] };
      const microstep = { step: 3, replica: 0, replicas: 1, globalSamples: ROWS };
      thrown('engine/non-finite', () => trainer.trainWhole?.(broken, microstep));
      assert.equal(weightsSha256(trainer.readWeights()), before);
    });
  });

  test(`${name}: weights written anew start without what the optimizer gathered`, { skip }, async () => {
    for (const compile of [true, false]) {
      await withTrainer({ optimizer, compile }, (trainer) => {
        const initial = trainer.readWeights().map((weight) => ({ ...weight, values: weight.values.slice() }));
        const first = reducedSteps(trainer);
        trainer.writeWeights(initial);
        assert.equal(reducedSteps(trainer), first);
      });
    }
  });
}
