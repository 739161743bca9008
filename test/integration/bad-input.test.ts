import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Ended, LockstepRun, lockstep, outputs, removeOutputs } from '../support/lockstep-run.ts';

after(removeOutputs);

/** A job file outside of the package, as users have them; `changes` replaces fields of a sound job. */
function jobFile(name: string, changes: Readonly<Record<string, string>> = {}, before = ''): string {
  const fields = {
    model: `() => tf.sequential({ layers: [
      tf.layers.flatten({ inputShape: [32, 32, 3] }),
      tf.layers.dense({ units: 10, activation: 'softmax' }),
    ] })`,
    optimizer: `'sgd'`,
    loss: `'sparseCategoricalCrossentropy'`,
    data: `{ train: datasets.cifar10({ split: 'train' }) }`,
    batchSize: '4',
    ...changes,
  };
  const body = Object.entries(fields).map(([field, value]) => `  ${field}: ${value},\n`);
  const file = join(outputs, `${name}.ts`);
  writeFileSync(
    file,
    `import { datasets, defineJob, tf } from 'lockstep';\n${before}\nexport default defineJob({\n${body.join('')}});\n`,
  );
  return file;
}

/** CIFAR-10's layout with `records` grey images of class 1. */
function cifarDirectory(
  name: string,
  records: number,
  change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): string {
  const directory = join(outputs, name);
  mkdirSync(directory, { recursive: true });
  const bytes = new Uint8Array(records * 3073).fill(128);
  for (let record = 0; record < records; record++) bytes[record * 3073] = 1;
  writeFileSync(join(directory, 'data_batch_1.bin'), change(bytes));
  return directory;
}

const good = cifarDirectory('good', 12);

/** The run fails with exit code `code`, says `message` and leaves neither model nor result. */
async function assertRefused(args: readonly string[], code: number, message: RegExp): Promise<Ended> {
  const run = new LockstepRun(['train', ...args]);
  const ended = await run.ended;
  assert.equal(ended.code, code, ended.stderr);
  assert.match(ended.stderr, message);
  assert.ok(!existsSync(join(run.out, 'model')) && !existsSync(join(run.out, 'result.json')), 'nothing was saved');
  return ended;
}

test('the sound job that the others are variations of trains', async () => {
  const { code, stderr } = await lockstep([
    'train',
    jobFile('sound'),
    '--data',
    good,
    '--workers',
    '2',
    '--engine',
    'cpu',
  ]);
  assert.equal(code, 0, stderr);
});

const badData: [string, () => string, RegExp][] = [
  ['a missing data directory', () => join(outputs, 'nowhere'), /data.*nowhere/],
  ['a directory without the files', () => outputs, /data\/missing: .*data_batch/],
  [
    'a truncated file',
    () => cifarDirectory('short', 12, (b) => b.subarray(0, -5)),
    /data\/corrupt: .*data_batch_1\.bin.*36871 bytes.*3073/s,
  ],
  [
    'a label that is none',
    () =>
      cifarDirectory('label', 12, (bytes) => {
        bytes[3073 * 2] = 17;
        return bytes;
      }),
    /data\/corrupt: .*data_batch_1\.bin.*byte 6146.*17.*0 to 9/s,
  ],
];
for (const [what, directory, message] of badData) {
  test(`${what} is refused with file, byte and expectation`, async () => {
    const data = directory();
    const { stderr } = await lockstep(['train', jobFile('sound'), '--data', data, '--workers', '2', '--engine', 'cpu']);
    assert.match(stderr, message);
  });
}

test('a job file that throws is shown with its own error and stack', async () => {
  const file = jobFile('throwing', {}, `throw new Error('boom in the job');`);
  const { stderr } = await assertRefused([file, '--data', good, '--engine', 'cpu'], 1, /job\/threw: .*boom in the job/);
  assert.match(stderr, /at .*throwing\.ts:2/);
});

test('a model function that throws is shown with its own error and stack', async () => {
  const file = jobFile('thrower', { model: `() => { throw new TypeError('no such layer'); }` });
  const { stderr } = await assertRefused([file, '--data', good, '--engine', 'cpu'], 1, /job\/threw: .*no such layer/);
  assert.match(stderr, /at .*thrower\.ts:\d+/);
});

test('a file that exports no job is refused', async () => {
  const file = join(outputs, 'nojob.ts');
  writeFileSync(file, 'export default { model: 1 };\n');
  await assertRefused([file, '--engine', 'cpu'], 1, /job\/invalid: .*nojob\.ts.*defineJob/);
});

test('a model that does not fit the data is refused with both shapes', async () => {
  const file = jobFile('misfit', {
    model: `() => tf.sequential({ layers: [
      tf.layers.flatten({ inputShape: [28, 28, 1] }), tf.layers.dense({ units: 10, activation: 'softmax' })] })`,
  });
  await assertRefused([file, '--data', good, '--engine', 'cpu'], 1, /data\/shape: .*28.*32/s);
});

/** A data set of the user's own, beside the job file; `read` is the body of its read function. */
function ownReader(name: string, read: string): Record<string, string> {
  const module = join(outputs, `${name}-reader.js`);
  const specs = `inputs: [{ shape: [32, 32, 3], dtype: 'float32' }], targets: [{ shape: [1], dtype: 'float32' }]`;
  writeFileSync(module, `export const open = () => ({ size: 9, ${specs}, ${read} });\n`);
  return { data: `{ train: datasets.custom({ module: new URL('./${name}-reader.js', import.meta.url) }) }` };
}

test('a reader that returns a promise is refused, because its samples would come too late', async () => {
  const file = jobFile('late', ownReader('late', 'async read(i, inputs) { inputs[0].fill(i); }'));
  await assertRefused(
    [file, '--engine', 'cpu'],
    1,
    /job\/invalid: read\(\) of data set .*late-reader.js returned a promise/,
  );
});

test('a last step that diverges saves nothing', async () => {
  const file = jobFile('diverging', {
    ...ownReader('diverging', 'read(i, inputs, targets) { inputs[0].fill(1); targets[0][0] = i; }'),
    optimizer: `{ name: 'sgd', learningRate: 1e39 }`,
    batchSize: '9',
  });
  await assertRefused([file, '--engine', 'cpu'], 1, /engine\/non-finite: .*not finite.*nothing is saved/);
});

for (const { what, workers, engine } of [
  { what: 'one replica, whose steps stay on the device', workers: 1, engine: [] },
  { what: 'reduced steps', workers: 2, engine: [] },
  { what: 'reduced steps op by op', workers: 2, engine: ['--engine', 'cpu'] },
]) {
  test(`a loss that is not a number names its step and replica and saves nothing: ${what}`, async () => {
    // Its logits overflow. In order: step 1 has samples 4 to 7, and with two replicas the last two of them go to replica 1.
    const read = 'read(i, inputs, targets) { inputs[0].fill(i === 6 ? 3e38 : 1); targets[0][0] = i; }';
    const file = jobFile(`broken-${workers}-${engine.length}`, {
      ...ownReader(`broken-${workers}-${engine.length}`, read),
      shuffle: 'false',
    });
    const message = new RegExp(
      `engine/non-finite: the loss of step 1 is \\S+ on replica ${workers - 1}: of its ${4 / workers} samples these have such ` +
        'a loss: 6; correct them, or leave them out; nothing of this step is kept',
    );
    await assertRefused([file, '--workers', String(workers), ...engine], 1, message);
  });
}

test('an unknown loss is refused with the nearest known one', async () => {
  const file = jobFile('lossless', { loss: `'sparseCategoricalCrossentropi'` });
  await assertRefused([file, '--data', good, '--engine', 'cpu'], 1, /did you mean "sparseCategoricalCrossentropy"/);
});

test('replicas that do not divide the batch are refused with what would', async () => {
  const args = [jobFile('sound'), '--data', good, '--engine', 'cpu', '--workers', '3'];
  await assertRefused(args, 2, /batchSize 4 .*3 equal parts.*--batch-size 3 or 6/);
});

test('a port in use is refused before any worker starts', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const args = [jobFile('sound'), '--data', good, '--engine', 'cpu', '--metrics-port', String(port)];
  await assertRefused(args, 1, new RegExp(`rpc/address-in-use: .*${port}`));
  await new Promise((resolve) => server.close(resolve));
});

test('a worker gives up on a coordinator that is not there, after trying for the given time', async () => {
  const args = [
    'worker',
    jobFile('sound'),
    '--engine',
    'cpu',
    '--coordinator',
    '127.0.0.1:1',
    '--connect-timeout-ms',
    '700',
  ];
  const { code, stderr } = await lockstep(args);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /rpc\/unreachable: coordinator 127\.0\.0\.1:1 could not be reached in 0\.7 s \(\d+ attempts; last: ECONNREFUSED\)/,
  );
});

test('a worker without the run’s token is told that it was refused, and why', async () => {
  const env = { LOCKSTEP_RUN_TOKEN: 'secret' };
  const coordinator = new LockstepRun(['coordinator', '--workers', '1', '--listen', '127.0.0.1:0'], env);
  const started = await coordinator.stderrMatches(/127\.0\.0\.1:\d+/);
  const address = /127\.0\.0\.1:\d+/.exec(started)?.[0] ?? '';
  const args = ['worker', jobFile('sound'), '--engine', 'cpu', '--coordinator', address, '--worker-id', 'a'];
  const { code, stderr } = await lockstep([...args, '--out', coordinator.out]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: rpc\/refused: worker a has no run token, and the coordinator wants one; give both /m);
  coordinator.signal('SIGTERM');
  assert.equal((await coordinator.ended).code, 130);
});

test('a worker with another job file is refused, and the run ends with what differs', async () => {
  const coordinator = new LockstepRun(['coordinator', '--workers', '2', '--listen', '127.0.0.1:0']);
  const stderr = await coordinator.stderrMatches(/127\.0\.0\.1:\d+/);
  const address = /127\.0\.0\.1:\d+/.exec(stderr)?.[0] ?? '';
  const worker = (file: string, id: string): Promise<Ended> =>
    lockstep(['worker', file, '--data', good, '--engine', 'cpu', '--coordinator', address, '--worker-id', id]);
  const [one, other] = await Promise.all([
    worker(jobFile('first'), 'a'),
    worker(jobFile('second', { batchSize: '8' }), 'b'),
  ]);
  assert.deepEqual([one.code, other.code], [1, 1]);
  const ended = await coordinator.ended;
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /job\/mismatch: .*worker [ab] .*job file hash.*worker [ab] /s);
});
