import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, RandomStream } from '../../shared/core/index.ts';
import { type Batch, optimizers, type TensorSpec } from '../../shared/job/index.ts';
import type { Contribution, Engine, Gradients, TrainerOptions } from '../../worker/engine/index.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { kerasLayerModels } from '../support/keras-layer-models.ts';
import { type LayerModel, layerModels } from '../support/layer-models.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;
const ROWS = 4;

/** Rounding of float32 sums that were taken in another order. */
const TOLERANCE = 1e-5;

/**
 * Gradients below this part of the largest one are rounding themselves: a bias before batch normalization has 0, and so
 * has the bias of attention's keys.
 */
const NEGLIGIBLE = 1e-2;

for (const subject of [...layerModels, ...kerasLayerModels]) {
  test(`compiled gradients equal eager ones: ${subject.name}`, { skip }, async () => {
    const targets = targetsOf(subject);
    const batch = makeBatch(subject, targets);
    const [eager, compiled] = [
      await contribution(subject, targets, batch, false),
      await contribution(subject, targets, batch, true),
    ];
    const largest = Math.max(...eager.gradients.map(magnitude));
    assert.ok(largest > 0, 'there is a gradient at all');
    for (const [weight, expected] of eager.gradients.entries()) {
      const scale = Math.max(magnitude(expected), NEGLIGIBLE * largest);
      const distance = largestDifference(at(compiled.gradients, weight), expected) / scale;
      assert.ok(distance <= TOLERANCE, `weight ${weight} from the end: ${distance}`);
    }
    const distance = largestDifference(compiled.statistics, eager.statistics) / magnitude(eager.statistics);
    assert.ok(distance <= TOLERANCE, `loss and statistics: ${distance}`);
  });
}

function targetsOf({ build }: LayerModel): TensorSpec[] {
  const model = build();
  const targets = model.outputs.map(({ shape }) => ({ shape: shape.slice(1) as number[], dtype: 'float32' as const }));
  model.dispose();
  return targets;
}

function makeBatch({ inputs, vocabulary }: LayerModel, targets: readonly TensorSpec[]): Batch {
  const random = new RandomStream(3);
  const draw = (specs: readonly TensorSpec[], next: () => number): Float32Array[] =>
    specs.map(({ shape }) => Float32Array.from({ length: ROWS * shape.reduce((a, b) => a * b, 1) }, next));
  return {
    rows: ROWS,
    realRows: ROWS,
    inputs: draw(inputs, () => (vocabulary === undefined ? random.normal() : random.below(vocabulary))),
    targets: draw(targets, () => random.normal()),
    weights: Float32Array.from({ length: ROWS }, () => 0.5 + random.next()),
  };
}

async function contribution(
  { inputs, build }: LayerModel,
  targets: readonly TensorSpec[],
  batch: Batch,
  compile: boolean,
): Promise<Contribution> {
  const options: TrainerOptions = {
    buildModel: build,
    optimizer: optimizers.sgd({ learningRate: 0.1 }),
    // One bucket for each weight.
    ...{ loss: 'meanSquaredError', metrics: [], seed: 11, bucketBytes: 1, rows: [ROWS], compile, inputs, targets },
  };
  const trainer = await engine.createTrainer(options);
  try {
    return trainer.forwardBackward(batch, { step: 5, replica: 1, replicas: 2, globalSamples: 2 * ROWS });
  } finally {
    trainer.close();
  }
}

function magnitude(values: Gradients): number {
  return [...values].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function largestDifference(a: Gradients, b: Gradients): number {
  assert.equal(a.length, b.length);
  return [...a].reduce((most, value, index) => {
    const difference = Math.abs(value - at(b, index));
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(most, difference);
  }, 0);
}
