import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PreflightCheck } from '../../worker/index.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { lockstep, outputs, removeOutputs } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

const { skip } = await openEngine('tensorflow');
after(removeOutputs);

interface Diagnosis {
  readonly code: number | null;
  readonly ok: boolean;
  readonly checks: readonly PreflightCheck[];
}

async function doctor(job: string, ...args: string[]): Promise<Diagnosis> {
  const ended = await lockstep(['doctor', job, '--json', '--steps', '3', ...args]);
  return { code: ended.code, ...(JSON.parse(ended.stdout) as Omit<Diagnosis, 'code'>) };
}

/** A job with a layer `mine` between two dense layers, whose `call` has the given body. */
function jobAround(name: string, call: string, rest = ''): string {
  const file = join(outputs, `${name}.ts`);
  writeFileSync(
    file,
    `import { datasets, defineJob, optimizers, tf } from 'lockstep';
class Mine extends tf.layers.Layer {
  static className = 'Mine';
  build() { this.spare = this.addWeight('spare', [3], 'float32', tf.initializers.ones()); this.built = true; }
  call(inputs) { const x = Array.isArray(inputs) ? inputs[0] : inputs; ${call} }
  computeOutputShape(shape) { return shape; }
}
export default defineJob({
  model: () => tf.sequential({ layers: [
    tf.layers.dense({ inputShape: [4], units: 6 }),
    new Mine({ name: 'mine' }),
    tf.layers.dense({ units: 1 }),
  ] }),
  optimizer: 'sgd', loss: 'meanSquaredError',
  data: { train: datasets.arrays({
    inputs: { values: Float32Array.from({ length: 80 }, (_, k) => Math.sin(k)), shape: [4] },
    targets: { values: Float32Array.from({ length: 20 }, (_, k) => Math.cos(k)), shape: [1] },
  }) },
  batchSize: 8,
  ${rest}
});
`,
  );
  return file;
}

test('a sound job passes every check, each with its numbers', { skip }, async () => {
  const { code, ok, checks } = await doctor(join(repositoryRoot, 'test/support/jobs/small.ts'));
  assert.equal(code, 0);
  assert.ok(ok);
  const found = Object.fromEntries(checks.map((check) => [check.name, check]));
  assert.match(
    found['job']?.found ?? '',
    /^adam, categoricalCrossentropy, batch 36, 3 epochs of 3 steps, float32, seed 7$/,
  );
  assert.equal(found['train data']?.found, '100 samples of [12, 12, 3] float32 → [10] float32');
  assert.match(found['test data']?.found ?? '', /^20 samples/);
  assert.match(found['model']?.found ?? '', /6190 trainable parameters in 8 weights, and 12 that are not trained/);
  assert.match(found['step']?.found ?? '', /compiles to \d+ nodes/);
  assert.match(found['gradients']?.found ?? '', /^reach all 6 trainable weights$/);
  assert.match(
    found['memory']?.found ?? '',
    /weights 24\.2 KiB, optimizer 48\.4 KiB, gradients 24\.2 KiB, values of a pass/,
  );
  assert.match(found['speed']?.found ?? '', /ms a step.*samples\/s; all 9 steps by one worker/);
});

test('a job with a loss and a metric of its own passes every check', { skip }, async () => {
  const { code, checks } = await doctor(join(repositoryRoot, 'test/support/jobs/own-loss.ts'));
  assert.equal(code, 0, JSON.stringify(checks));
  assert.match(checks.find(({ name }) => name === 'job')?.found ?? '', /^adam, a loss of its own, batch 24/);
});

const cannotTrain: readonly (readonly [string, string, string, string, RegExp])[] = [
  [
    'reads values',
    'return tf.mul(x, x.dataSync()[0]);',
    '',
    'model',
    /engine\/impure: layer mine reads .*after op \w+/,
  ],
  [
    'draws in JavaScript',
    'return tf.mul(x, Math.random());',
    '',
    'model',
    /engine\/impure: layer mine draws by Math\.random/,
  ],
  ['has no gradient', 'return tf.topk(x, 6).values;', '', 'model', /engine\/unsupported: .*op TopK in layer mine/],
  ['fails in a layer', 'return x.shapes.length;', '', 'model', /in layer mine: .*length/],
  [
    'gives one loss for a batch',
    'return x;',
    'loss: (yTrue, yPred) => tf.mean(tf.squaredDifference(yTrue, yPred)),',
    'model',
    /job\/invalid: the job’s loss gave one number .*\[batch\]/,
  ],
  ['diverges', 'return x;', 'optimizer: optimizers.sgd({ learningRate: 1e30 }),', 'training', /engine\/non-finite/],
  ['does not fit its data', 'return tf.add(x, tf.ones([5]));', '', 'model', /mine/],
];

for (const [what, call, rest, stage, message] of cannotTrain) {
  test(`a job that ${what} fails with the reason and exit code 1`, { skip }, async () => {
    const { code, ok, checks } = await doctor(jobAround(what.replaceAll(' ', '-'), call, rest));
    const last = checks.at(-1);
    assert.deepEqual([code, ok, last?.name, last?.status], [1, false, stage, 'fail'], last?.found);
    assert.match(last?.found ?? '', message);
  });
}

test('what cannot be compiled but trains op by op passes with --eager', { skip }, async () => {
  const job = jobAround('eager', 'return tf.mul(x, x.dataSync()[0] + this.spare.read().dataSync()[0]);');
  const { code, checks } = await doctor(job, '--eager');
  assert.equal(code, 0, JSON.stringify(checks));
  assert.match(checks.find(({ name }) => name === 'step')?.found ?? '', /op by op/);
});

test('compile: false in the job does the same, and --no-eager wins over it', { skip }, async () => {
  const call = 'return tf.mul(x, x.dataSync()[0] + this.spare.read().dataSync()[0]);';
  const job = jobAround('not-compiled', call, 'compile: false,');
  const byJob = await doctor(job);
  assert.equal(byJob.code, 0, JSON.stringify(byJob.checks));
  const step = byJob.checks.find(({ name }) => name === 'step');
  assert.match(step?.found ?? '', /runs op by op \(compile: false in the job\)/);
  const byFlag = await doctor(job, '--no-eager');
  assert.match(byFlag.checks.at(-1)?.found ?? '', /engine\/impure: layer mine reads/);
});

test('a weight that the loss does not depend on is named, and the job may train', { skip }, async () => {
  const { code, checks } = await doctor(jobAround('spare', 'return x;'));
  assert.equal(code, 0);
  const gradients = checks.find(({ name }) => name === 'gradients');
  assert.equal(gradients?.status, 'warn');
  assert.match(gradients?.found ?? '', /1 of 5 trainable weights did not move: mine\/spare/);
});

test('without --json a job’s checks are lines as the machine’s are', { skip }, async () => {
  const ended = await lockstep(['doctor', join(repositoryRoot, 'test/support/jobs/recurrent.ts'), '--steps', '2']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /^ok {4}train data +50 samples of \[12\] int32 → \[1\] float32$/m);
});
