import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Batch } from '../../shared/job/index.ts';
import { type Engine, type Trainer, type TrainerOptions, tf } from '../../worker/engine/index.ts';
import { cnnJob, openEngine, randomBatch, smallJob } from '../support/engine-fixtures.ts';
import { countNativeHandles } from '../support/native-handles.ts';

const ROWS = 2;

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What must not grow. */
interface Sample {
  readonly counts: readonly number[];
  readonly residentBytes: number;
}

function takeSample(handles: () => number): Sample {
  collectGarbage();
  const { tensors, bytes } = engine.memory();
  return { counts: [tensors, bytes, handles()], residentBytes: process.memoryUsage.rss() };
}

function reducedStep(trainer: Trainer, batch: Batch, step: number): void {
  trainer.apply(trainer.forwardBackward(batch, { step, replica: 0, replicas: 1, globalSamples: batch.realRows }), step);
}

function wholeStep(trainer: Trainer, batch: Batch, step: number): void {
  assert.ok(trainer.trainWhole !== undefined);
  trainer.trainWhole(batch, { step, replica: 0, replicas: 1, globalSamples: batch.realRows });
}

/** A convolution small enough for thousands of steps. */
function smallCnn(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [12, 12, 3], filters: 8, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.dropout({ rate: 0.2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

function smallLstm(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.lstm({ inputShape: [12, 4], units: 8, recurrentActivation: 'sigmoid' }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

interface Case {
  readonly what: string;
  readonly options: TrainerOptions;
  readonly steps: number;
  readonly train: typeof wholeStep;
  /** Growth of resident memory after three tenths of the steps that still counts as flat. */
  readonly flatBytes: number;
}

/**
 * Of the chapter's CNN, one lost gradient bucket per step (3.2 MB) would add 640 MB, one lost weight update as much. Of
 * the small models, 8 KB lost in every step would add as much as is allowed; a lost tensor is found by the handles.
 */
const flatBytes = { large: 96 * 2 ** 20, small: 12 * 2 ** 20 };
const cnn = { buildModel: smallCnn, inputs: [{ shape: [12, 12, 3], dtype: 'float32' }] } as const;
const lstm = { buildModel: smallLstm, inputs: [{ shape: [12, 4], dtype: 'float32' }] } as const;
const compiled = { compile: true, rows: [ROWS], bucketBytes: 1000 };

const cases: readonly Case[] = [
  ...[false, true].map((compile) => ({
    what: `${compile ? 'compiled' : 'eager'} steps of the chapter’s CNN`,
    options: cnnJob({ rows: [ROWS], compile }),
    ...{ steps: 300, train: reducedStep, flatBytes: flatBytes.large },
  })),
  {
    what: 'eager steps of an LSTM',
    options: smallJob({ ...lstm, rows: [ROWS] }),
    ...{ steps: 100, train: reducedStep, flatBytes: flatBytes.small },
  },
  ...(
    [
      ['whole steps of a CNN', smallJob({ ...cnn, ...compiled }), wholeStep],
      ['reduced steps of a CNN, cut at its buckets', smallJob({ ...cnn, ...compiled, replicas: 2 }), reducedStep],
      ['whole steps of an LSTM', smallJob({ ...lstm, ...compiled }), wholeStep],
    ] as const
  ).map(([what, options, train]) => ({ what, options, train, steps: 2000, flatBytes: flatBytes.small })),
];

for (const { what, options, steps, train, flatBytes } of cases) {
  test(`${steps} ${what} leak nothing`, { skip }, async (t) => {
    const handles = countNativeHandles();
    const trainer = await engine.createTrainer(options);
    const batch = randomBatch(options, ROWS);
    const samples: Sample[] = [];
    const times: number[] = [];
    const tenth = steps / 10;
    for (let step = 0; step < steps; step++) {
      const started = performance.now();
      train(trainer, batch, step);
      times.push(performance.now() - started);
      if ((step + 1) % tenth !== 0) continue;
      trainer.evaluate(batch);
      trainer.predict(batch);
      trainer.readWeights();
      samples.push(takeSample(handles));
    }
    const [first, warm, last] = [samples[0], samples[2], samples.at(-1)];
    assert.ok(first !== undefined && warm !== undefined && last !== undefined);
    const growth = last.residentBytes - warm.residentBytes;
    const [early, late] = [times.slice(tenth, 3 * tenth), times.slice(-2 * tenth)].map(medianText);
    t.diagnostic(`resident memory grew by ${growth} bytes; a step took ${early} early on, ${late} at the end`);
    assert.deepEqual(last.counts, first.counts, 'tensors, their bytes, native handles');
    assert.ok(growth < flatBytes, `resident memory grew by ${growth} bytes`);
    trainer.close();
    assert.equal(handles(), 0, 'closing gives every handle back');
  });
}

for (const compile of [true, false]) {
  test(`a step that throws leaks nothing${compile ? ' while it is compiled' : ''}`, { skip }, async () => {
    class Broken extends tf.layers.Layer {
      static className = 'Broken';
      override call(): tf.Tensor {
        throw new Error('this layer is broken');
      }
    }
    const buildModel = () =>
      tf.sequential({
        layers: [
          tf.layers.dense({ inputShape: [6], units: 4, activation: 'relu' }),
          tf.layers.dense({ units: 3, activation: 'softmax' }),
          new Broken(),
        ],
      });
    const options = smallJob({ compile, rows: [ROWS], buildModel });
    const handles = countNativeHandles();
    const { tensors } = engine.memory();
    await assert.rejects(async () => {
      const trainer = await engine.createTrainer(options);
      try {
        reducedStep(trainer, randomBatch(options, ROWS), 0);
      } finally {
        trainer.close();
      }
    }, /this layer is broken/);
    assert.deepEqual([engine.memory().tensors, handles()], [tensors, 0]);
  });
}

function medianText(values: readonly number[]): string {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  return `${middle?.toFixed(3)} ms`;
}
