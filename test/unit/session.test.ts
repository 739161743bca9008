import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RunSettings } from '../../shared/config/index.ts';
import { losses } from '../../shared/job/index.ts';
import { phases } from '../../shared/run/index.ts';
import { Schedule } from '../../shared/sampling/index.ts';
import { canonicalJson, hashJob, type JobFingerprint } from '../../worker/session/job-hash.ts';
import { ProgressBoard } from '../../worker/session/progress-board.ts';
import { batchRows, evaluationPlan, executionText, planRun } from '../../worker/session/run-plan.ts';

const dataset = { kind: 'glyphs', options: {}, transforms: [] };
const job = {
  optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0, nesterov: false },
  loss: losses.meanSquaredError(),
  lossWeights: null,
  metrics: [],
  weightedMetrics: [],
  onNonFinite: 'stop',
  data: { train: dataset },
  batchSize: 12,
  accumulate: 1,
  epochs: 2,
  seed: 5,
  shuffle: true,
  precision: 'float32',
  wire: 'float32',
  callbacks: [],
  compile: true,
} as const;
const settings: RunSettings = {
  mode: 'train',
  workers: 1,
  replicas: 3,
  epochs: null,
  maxSteps: null,
  globalBatchSize: null,
  accumulate: null,
  seed: null,
  eager: null,
  precision: null,
  wire: null,
  algorithm: 'auto',
  bucketBytes: 1,
  segmentBytes: 1,
  segmentTimeoutMs: 1,
};

test('a run takes from the job what the settings leave open', () => {
  const plan = planRun(job, settings, 50);
  assert.equal(plan.seed, 5);
  assert.equal(plan.precision, 'float32');
  assert.equal(plan.stepsPerEpoch, 5);
  assert.equal(plan.totalSteps, 10);
  assert.equal(plan.train.globalBatchSize, 12);
});

test('settings win over the job', () => {
  const plan = planRun(job, { ...settings, seed: 8, epochs: 3, maxSteps: 4, globalBatchSize: 6 }, 50);
  assert.deepEqual([plan.seed, plan.epochs, plan.totalSteps, plan.train.globalBatchSize], [8, 3, 4, 6]);
  assert.equal(planRun(job, { ...settings, precision: 'mixed_bfloat16' }, 50).precision, 'mixed_bfloat16');
});

test('--eager or --no-eager wins over the job’s compile, which wins over the default; who won is told', () => {
  const decide = (compile: boolean, eager: boolean | null): readonly [boolean, string] => {
    const given = { ...settings, eager };
    return [planRun({ ...job, compile }, given, 50).compile, executionText({ compile }, given)];
  };
  assert.deepEqual(decide(true, null), [true, '']);
  assert.deepEqual(decide(false, null), [false, 'op by op (compile: false in the job)']);
  assert.deepEqual(decide(true, true), [false, 'op by op (--eager)']);
  assert.deepEqual(decide(false, true), [false, 'op by op (--eager)']);
  assert.deepEqual(decide(false, false), [true, 'compiled (--no-eager, over the job’s compile: false)']);
  assert.deepEqual(decide(true, false), [true, '']);
});

test('an evaluation takes no step', () => {
  assert.equal(planRun(job, { ...settings, mode: 'evaluate' }, 50).totalSteps, 0);
});

test('a batch that the replicas do not divide is refused with the nearest sizes that they do', () => {
  assert.throws(() => planRun(job, { ...settings, replicas: 5 }, 50), /batchSize 12 .* 5 equal parts.*10 or 15/);
  assert.throws(() => planRun(job, { ...settings, replicas: 16 }, 50), /--batch-size 16,/);
});

test('top-k gradients are refused where they are sent to nobody, and otherwise planned', () => {
  const wire = 'top-k:0.01';
  assert.throws(() => planRun(job, { ...settings, replicas: 1, wire }, 50), /--wire top-k:0.01 with one replica/);
  assert.throws(() => planRun({ ...job, wire }, { ...settings, replicas: 1 }, 50), /sent to nobody/);
  assert.equal(planRun(job, { ...settings, replicas: 1, wire, mode: 'evaluate' }, 50).totalSteps, 0);
  assert.equal(planRun(job, { ...settings, wire }, 50).wire, wire);
  assert.throws(() => planRun(job, { ...settings, replicas: 1, wire: 'powersgd:4' }, 50), /sent to nobody/);
});

test('accumulation makes a step of several batches; evaluation keeps to one', () => {
  const plan = planRun({ ...job, accumulate: 2 }, settings, 50);
  assert.deepEqual([plan.train.globalBatchSize, plan.train.accumulate, plan.stepsPerEpoch], [24, 2, 3]);
  assert.deepEqual(batchRows(plan.train), [4, 2]);
  const { globalBatchSize, accumulate } = evaluationPlan(plan, 17);
  assert.deepEqual([globalBatchSize, accumulate], [12, 1]);
  assert.equal(planRun(job, { ...settings, accumulate: 4 }, 50).train.globalBatchSize, 48);
});

test('every training batch has one of the announced row counts, or none', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 7 }),
      (samples, replicas, rows) => {
        const plan = planRun({ ...job, batchSize: replicas * rows, epochs: 1 }, { ...settings, replicas }, samples);
        const announced = batchRows(plan.train);
        const schedule = new Schedule(plan.train);
        const seen = new Set<number>();
        for (let step = 0; step < plan.totalSteps; step++) {
          for (let replica = 0; replica < replicas; replica++)
            seen.add(schedule.replicaBatch(step, replica).indices.length);
        }
        seen.delete(0);
        assert.ok(
          [...seen].every((count) => announced.includes(count)),
          `${[...seen]} in ${announced}`,
        );
        assert.ok(announced.length <= 2);
      },
    ),
  );
});

test('an evaluation visits every sample once, in order', () => {
  const plan = evaluationPlan(planRun(job, settings, 50), 17);
  const schedule = new Schedule(plan);
  const visited = [0, 1].flatMap((step) =>
    [0, 1, 2].flatMap((replica) => [...schedule.replicaBatch(step, replica).indices]),
  );
  assert.deepEqual(
    visited,
    Array.from({ length: 17 }, (_, index) => index),
  );
});

const fingerprint: JobFingerprint = {
  jobFileHash: 'a',
  topology: { layers: [1, 2] },
  graphSha256: null,
  initialWeightsSha256: 'b',
  job,
  train: { inputs: [{ shape: [2], dtype: 'float32' }], targets: [] },
  datasetSizes: { train: 50 },
  datasets: { train: dataset },
  readers: {},
  adapted: {},
  plan: planRun(job, settings, 50),
};

test('the job hash ignores the order of keys and where files are, and nothing else', () => {
  const hash = hashJob(fingerprint);
  assert.equal(hashJob({ ...fingerprint, topology: { layers: [1, 2] } }), hash);
  assert.equal(canonicalJson({ a: 1, b: { d: 2, c: 3 } }), canonicalJson({ b: { c: 3, d: 2 }, a: 1 }));
  assert.equal(hashJob({ ...fingerprint, datasets: { train: { ...dataset, location: '/elsewhere' } } }), hash);
  assert.notEqual(hashJob({ ...fingerprint, datasets: { train: { ...dataset, kind: 'idx' } } }), hash);
  assert.notEqual(hashJob({ ...fingerprint, readers: { train: 'd' } }), hash);
  assert.notEqual(hashJob({ ...fingerprint, initialWeightsSha256: 'c' }), hash);
  assert.notEqual(hashJob({ ...fingerprint, datasetSizes: { train: 51 } }), hash);
  assert.notEqual(hashJob({ ...fingerprint, job: { ...job, loss: losses.meanAbsoluteError() } }), hash);
  assert.notEqual(hashJob({ ...fingerprint, graphSha256: 'd' }), hash);
  const withLoss = (loss: () => number): string => hashJob({ ...fingerprint, job: { ...job, loss } });
  assert.notEqual(
    withLoss(() => 1),
    withLoss(() => 2),
  );
  assert.equal(
    withLoss(() => 1),
    withLoss(() => 1),
  );
});

test('the progress board tells another view of its memory what the writer does', () => {
  const writer = new ProgressBoard();
  const reader = new ProgressBoard(writer.buffer);
  for (const [step, phase] of phases.entries()) {
    writer.enter(phase, step);
    writer.setMemory({ modelBytes: step * 2 ** 33, valueBytes: step });
    const read = reader.read();
    assert.deepEqual([read.phase, read.step, read.modelBytes, read.valueBytes], [phase, step, step * 2 ** 33, step]);
    assert.ok(read.phaseMs >= 0);
  }
});
