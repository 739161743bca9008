import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, RandomStream } from '../../shared/core/index.ts';
import { type Batch, optimizers, type Precision } from '../../shared/job/index.ts';
import type { Contribution, Engine, TrainerOptions } from '../../worker/engine/index.ts';
import { chapterCnn, openEngine } from '../support/engine-fixtures.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

/** 6.9 MiB of values after the first convolution: two tiles, of 7 and 8 rows. */
const ROWS = 15;

const options: TrainerOptions = {
  buildModel: chapterCnn,
  optimizer: optimizers.adam(),
  ...{ loss: 'categoricalCrossentropy', metrics: ['accuracy'], seed: 7, rows: [ROWS], compile: true },
  inputs: [{ shape: [64, 64, 3], dtype: 'float32' }],
  targets: [{ shape: [10], dtype: 'float32' }],
  // One bucket for each weight.
  bucketBytes: 1,
};

function makeBatch(): Batch {
  const random = new RandomStream(3);
  const target = new Float32Array(ROWS * 10);
  for (let row = 0; row < ROWS; row++) target[row * 10 + random.below(10)] = 1;
  return {
    ...{ rows: ROWS, realRows: ROWS, targets: [target] },
    inputs: [Float32Array.from({ length: ROWS * 64 * 64 * 3 }, () => random.normal())],
    weights: Float32Array.from({ length: ROWS }, () => 0.5 + random.next()),
  };
}

async function contribution(overrides: Partial<TrainerOptions>): Promise<{ result: Contribution; tiles: number }> {
  const trainer = await engine.createTrainer({ ...options, ...overrides });
  try {
    const microstep = { step: 0, replica: 0, replicas: overrides.replicas ?? 1, globalSamples: 2 * ROWS };
    const tiles = trainer.inspection?.nodes.filter(({ name }) => /Conv2D_\d+_tile\d+$/.test(name)).length ?? 0;
    return { result: trainer.forwardBackward(makeBatch(), microstep), tiles };
  } finally {
    trainer.close();
  }
}

const magnitude = (values: Iterable<number>): number =>
  [...values].reduce((most, value) => Math.max(most, Math.abs(value)), 0);

test('convolutions in tiles of rows give the gradients of eager ones', { skip }, async () => {
  const { result: eager } = await contribution({ compile: false });
  const { result: compiled, tiles } = await contribution({});
  assert.ok(tiles >= 4, `${tiles} tiles of two convolutions`);
  for (const [weight, expected] of eager.gradients.entries()) {
    const actual = at(compiled.gradients, weight);
    const distance = magnitude([...expected].map((value, index) => value - at(actual, index))) / magnitude(expected);
    assert.ok(distance <= 1e-5, `weight ${weight} from the end: ${distance}`);
  }
});

for (const precision of ['float32', 'mixed_bfloat16'] as const satisfies readonly Precision[]) {
  test(`a step in tiles has the same bits cut at its buckets and whole, ${precision}`, { skip }, async () => {
    const { result: whole } = await contribution({ precision });
    const { result: cut } = await contribution({ precision, replicas: 2 });
    assert.deepEqual(cut, whole);
  });
}
