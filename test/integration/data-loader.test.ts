import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Dataset, datasets } from '../../shared/job/index.ts';
import { type SamplingPlan, Schedule, stepsPerEpoch } from '../../shared/sampling/index.ts';
import { BatchLoader, type LoadedBatch, type OpenContext } from '../../worker/data/index.ts';
import { cifarFile, cifarRecordBytes, dataDirectory } from '../support/data-fixtures.ts';
import { rejected } from '../support/thrown.ts';

const nowhere: OpenContext = { directory: undefined };

async function open(t: TestContext, dataset: Dataset, prefetch = 4, context = nowhere): Promise<BatchLoader> {
  const loader = await BatchLoader.open({ dataset: dataset.describe(), context, prefetch });
  t.after(() => loader.close());
  return loader;
}

/** Sample k has input [k, 100 + k] and target [−k]. */
function counting(samples: number): Dataset {
  const numbers = Array.from({ length: samples }, (_, index) => index);
  return datasets.arrays({
    inputs: { values: numbers.flatMap((index) => [index, 100 + index]), shape: [2] },
    targets: { values: numbers.map((index) => 0 - index), shape: [1] },
  });
}

function planOf(samples: number, changes: Partial<SamplingPlan> = {}): SamplingPlan {
  return { samples, globalBatchSize: 12, replicas: 4, seed: 3, shuffle: true, ...changes };
}

function checkBatch({ step, replica, batch }: LoadedBatch, schedule: Schedule): void {
  const { rows, indices } = schedule.replicaBatch(step, replica);
  const padding = new Array<number>(rows - indices.length).fill(0);
  assert.deepEqual([batch.rows, batch.realRows], [rows, indices.length]);
  assert.deepEqual(
    [...(batch.inputs[0] ?? [])],
    [...indices.flatMap((index) => [index, 100 + index]), ...padding, ...padding],
  );
  assert.deepEqual([...(batch.targets[0] ?? [])], [...indices.map((index) => 0 - index), ...padding]);
  assert.deepEqual([...batch.weights], [...indices.map(() => 1), ...padding]);
}

test('batches come step by step, hosted replicas in order, over epochs, with zeros behind the last sample', async (t) => {
  const loader = await open(t, counting(29));
  assert.deepEqual(
    [loader.size, loader.inputs, loader.targets],
    [29, [{ shape: [2], dtype: 'float32' }], [{ shape: [1], dtype: 'float32' }]],
  );
  const plan = planOf(29);
  const schedule = new Schedule(plan);
  loader.start({ plan, replicas: { start: 1, end: 4 }, firstStep: 2, endStep: 9 });
  for (let step = 2; step < 9; step++) {
    for (let replica = 1; replica < 4; replica++) {
      const loaded = await loader.next();
      assert.deepEqual([loaded.step, loaded.replica], [step, replica]);
      checkBatch(loaded, schedule);
      // Half of the arrays go back, so that filled-again and new ones are both checked.
      if (replica !== 2) loader.recycle(loaded.batch);
    }
  }
});

test('a loader starts again with another plan and range; what was ready before is dropped', async (t) => {
  const loader = await open(t, counting(29));
  loader.start({ plan: planOf(29), replicas: { start: 0, end: 4 }, firstStep: 0, endStep: 100 });
  loader.recycle((await loader.next()).batch);
  const plan = planOf(29, { globalBatchSize: 6, replicas: 2, shuffle: false });
  const schedule = new Schedule(plan);
  for (let pass = 0; pass < 3; pass++) {
    loader.start({ plan, replicas: { start: 0, end: 2 }, firstStep: 0, endStep: stepsPerEpoch(plan) });
    for (let count = 0; count < 10; count++) {
      const loaded = await loader.next();
      assert.deepEqual([loaded.step, loaded.replica], [Math.floor(count / 2), count % 2]);
      checkBatch(loaded, schedule);
      loader.recycle(loaded.batch);
    }
  }
});

test('several may wait for batches at once and are served in order', async (t) => {
  const loader = await open(t, counting(29), 1);
  loader.start({ plan: planOf(29), replicas: { start: 0, end: 4 }, firstStep: 0, endStep: 2 });
  const loaded = await Promise.all(Array.from({ length: 8 }, () => loader.next()));
  assert.deepEqual(
    loaded.map(({ step, replica }) => [step, replica]),
    [0, 1].flatMap((step) => [0, 1, 2, 3].map((replica) => [step, replica])),
  );
});

/** Writes a data set's module; `open` and `read` share a counter of read samples in shared memory. */
function moduleIn(t: TestContext, text: string): URL {
  const { path } = dataDirectory(t);
  const file = join(path, 'my-data.ts');
  writeFileSync(file, text);
  return pathToFileURL(file);
}

const countingModule = `
  type Options = { reads: Int32Array; failAt: number };
  export function open(options: Options, context: { directory: string | undefined }) {
    return {
      size: 1000,
      inputs: [{ shape: [1], dtype: 'float32' as const }],
      targets: [{ shape: [1], dtype: 'int32' as const }],
      read(index: number, [input]: Float32Array[], [target]: Int32Array[]): void {
        if (index === options.failAt) throw new RangeError('sample of the user is broken');
        Atomics.add(options.reads, 0, 1);
        Atomics.notify(options.reads, 0);
        input[0] = index / 2;
        target[0] = context.directory === '/data' ? index : -1;
      },
    };
  }
`;

test('a data set of the user in TypeScript is read in the thread, never further ahead than the bound', async (t) => {
  const reads = new Int32Array(new SharedArrayBuffer(4));
  const dataset = datasets.custom({ module: moduleIn(t, countingModule), options: { reads, failAt: -1 } });
  const prefetch = 3;
  const loader = await open(t, dataset, prefetch, { directory: '/data' });
  const plan = planOf(1000, { globalBatchSize: 2, replicas: 1, shuffle: false });
  loader.start({ plan, replicas: { start: 0, end: 1 }, firstStep: 0, endStep: 500 });
  for (let taken = 1; taken <= 20; taken++) {
    const { batch } = await loader.next();
    assert.deepEqual([...(batch.inputs[0] ?? [])], [taken - 1, taken - 0.5]);
    assert.deepEqual([...(batch.targets[0] ?? [])], [2 * taken - 2, 2 * taken - 1]);
    assert.ok(
      Atomics.load(reads, 0) <= 2 * (taken + prefetch),
      `${Atomics.load(reads, 0)} samples read after ${taken}`,
    );
  }
  // It does read ahead: without another next(), 20 taken and 3 ready are 46 samples. Block, as a training step does.
  for (let seen = Atomics.load(reads, 0); seen < 46; seen = Atomics.load(reads, 0)) Atomics.wait(reads, 0, seen);
  // And then no further: a new pass is answered after whatever it might still be doing.
  loader.start({ plan, replicas: { start: 0, end: 0 }, firstStep: 0, endStep: 0 });
  await loader.close();
  assert.equal(Atomics.load(reads, 0), 46);
});

test('an error of the user’s data set arrives with its stack, after the batches before it; a new pass may go on', async (t) => {
  const reads = new Int32Array(new SharedArrayBuffer(4));
  const dataset = datasets.custom({ module: moduleIn(t, countingModule), options: { reads, failAt: 5 } });
  const loader = await open(t, dataset);
  const plan = planOf(1000, { globalBatchSize: 2, replicas: 1, shuffle: false });
  loader.start({ plan, replicas: { start: 0, end: 1 }, firstStep: 0, endStep: 10 });
  assert.equal((await loader.next()).step, 0);
  assert.equal((await loader.next()).step, 1);
  const error = await rejected('job/threw', loader.next());
  assert.match(error.message, /my-data\.ts threw while it read sample 5: sample of the user is broken/);
  assert.match((error.cause as Error).stack ?? '', /RangeError: sample of the user is broken\n +at .*my-data\.ts/);
  await rejected('job/threw', loader.next());
  loader.start({ plan, replicas: { start: 0, end: 1 }, firstStep: 3, endStep: 4 });
  assert.equal((await loader.next()).step, 3);
});

/** [what is wrong, the module, code, what the message must say] */
const badModules = [
  ['throws', `throw new Error('no such thing')`, 'job/threw', /threw while it was opened: no such thing/],
  ['has no open', 'export const size = 1', 'job/invalid', /exports no function open/],
  ['opens nothing', 'export const open = () => undefined', 'job/invalid', /made returned undefined; expected \{ size/],
  [
    'has no read',
    'export const open = async () => ({ size: 1, inputs: [], targets: [] })',
    'job/invalid',
    /has no function read/,
  ],
  [
    'has a wrong shape',
    `export const open = () => ({ size: 1, read() {}, inputs: [{ shape: [0], dtype: 'float32' }], targets: [] })`,
    'job/invalid',
    /has no proper inputs/,
  ],
  ['ends the thread', 'export const open = () => process.exit(3)', 'data/failed', /loader thread ended with code 3/],
] as const;
for (const [what, text, code, message] of badModules) {
  test(`a data set whose module ${what} fails to open`, async (t) => {
    const dataset = datasets.custom({ module: moduleIn(t, text) });
    assert.match((await rejected(code, open(t, dataset))).message, message);
  });
}

test('a thread that dies in the middle fails who waits and every later pass', async (t) => {
  const text = countingModule.replace(/throw new .*;/, 'setTimeout(() => { throw new Error("late") }); return;');
  const dataset = datasets.custom({
    module: moduleIn(t, text),
    options: { reads: new Int32Array(new SharedArrayBuffer(4)), failAt: 0 },
  });
  const loader = await open(t, dataset);
  const range = { plan: planOf(1000), replicas: { start: 0, end: 4 }, firstStep: 0, endStep: 250 };
  loader.start({ ...range, plan: { ...range.plan, shuffle: false } });
  const all = (async () => {
    for (let count = 0; count < 1000; count++) await loader.next();
  })();
  assert.match((await rejected('data/failed', all)).message, /the loader thread failed: late/);
  loader.start(range);
  await rejected('data/failed', loader.next());
});

test('a file that is corrupt fails to open in the thread with its own code', async (t) => {
  const directory = dataDirectory(t);
  directory.write('test_batch.bin', cifarFile([1, 2, 11]));
  const opening = open(t, datasets.cifar10({ split: 'test', directory: directory.path }));
  const error = await rejected('data/corrupt', opening);
  assert.equal(error.details['byte'], 2 * cifarRecordBytes);
});

test('a file that shrinks during a run fails the batch that needs the lost bytes', async (t) => {
  const directory = dataDirectory(t);
  directory.write('test_batch.bin', cifarFile([1, 2, 3, 4]));
  const loader = await open(t, datasets.cifar10({ split: 'test', directory: directory.path }));
  truncateSync(join(directory.path, 'test_batch.bin'), 2 * cifarRecordBytes);
  const plan = planOf(4, { globalBatchSize: 2, replicas: 1, shuffle: false });
  loader.start({ plan, replicas: { start: 0, end: 1 }, firstStep: 0, endStep: 2 });
  assert.equal((await loader.next()).batch.realRows, 2);
  assert.match((await rejected('data/corrupt', loader.next())).message, /byte 6146: the file ends/);
});

test('close ends the thread, fails who waits, and may be called again', async (t) => {
  const blocked = `
    export const open = ({ gate }) => ({
      size: 1, inputs: [{ shape: [1], dtype: 'float32' }], targets: [{ shape: [1], dtype: 'float32' }],
      read() { Atomics.wait(gate, 0, 0); },
    });
    setInterval(() => {}, 1000);
  `;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const loader = await open(t, datasets.custom({ module: moduleIn(t, blocked), options: { gate } }));
  const plan = planOf(1, { globalBatchSize: 1, replicas: 1 });
  loader.start({ plan, replicas: { start: 0, end: 1 }, firstStep: 0, endStep: 2 });
  const waiting = rejected('data/failed', Promise.all([loader.next(), loader.next()]));
  const closing = loader.close();
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  await Promise.all([closing, loader.close()]);
  assert.match((await waiting).message, /the data loader was closed/);
  await loader.close();
});

test('a folder in place of a file is an error of that file', async (t) => {
  const directory = dataDirectory(t);
  mkdirSync(join(directory.path, 'test_batch.bin'));
  const opening = open(t, datasets.cifar10({ split: 'test', directory: directory.path }));
  assert.match((await rejected('data/corrupt', opening)).message, /test_batch\.bin/);
});
