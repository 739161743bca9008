import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outputs, type RunJson, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const smallJob = join(repositoryRoot, 'test/support/jobs/small.ts');
const clippedJob = join(repositoryRoot, 'test/support/jobs/clipped.ts');
const ownLossJob = join(repositoryRoot, 'test/support/jobs/own-loss.ts');
const recurrentJob = join(repositoryRoot, 'test/support/jobs/recurrent.ts');

async function withWorkers(args: readonly string[], counts: readonly number[]): Promise<RunJson[]> {
  const results: RunJson[] = [];
  // One after the other: six workers at once are enough for two cores.
  for (const workers of counts) results.push(await trainJson([...args, '--workers', String(workers)]));
  return results;
}

function assertSame(results: readonly RunJson[]): void {
  const [first] = results;
  for (const result of results) {
    const { weightsSha256, loss, metrics, validation, test: tested, steps, samples } = result;
    assert.deepEqual(
      { weightsSha256, loss, metrics, validation, tested, steps, samples },
      {
        weightsSha256: first?.weightsSha256,
        loss: first?.loss,
        metrics: first?.metrics,
        validation: first?.validation,
        tested: first?.test,
        steps: first?.steps,
        samples: first?.samples,
      },
    );
  }
}

test('batch norm, dropout and a short last batch give the same bits and metrics on 1, 2, 3 and 6 workers', async () => {
  const results = await withWorkers([smallJob, '--replicas', '6'], [1, 2, 3, 6]);
  assertSame(results);
  assert.equal(results[0]?.steps, 9);
  assert.equal(results[0]?.samples, 300);
});

test('workers with unequal numbers of replicas give the same bits', async () => {
  assertSame(await withWorkers([smallJob, '--replicas', '4', '--max-steps', '4'], [1, 3]));
});

test('1, 5 and 8 workers give the same bits, each by another algorithm', async () => {
  const args = [smallJob, '--replicas', '8', '--batch-size', '40', '--max-steps', '2'];
  const results = await withWorkers([...args, '--algorithm', 'direct'], [1]);
  results.push(...(await withWorkers([...args, '--algorithm', 'halving'], [5])));
  results.push(...(await withWorkers([...args, '--algorithm', 'hierarchical'], [8])));
  assertSame(results);
});

test('gradients accumulated over 4 batches, with a short last step, give the same bits on 1, 2 and 3 workers by every engine', async () => {
  const args = [smallJob, '--batch-size', '12', '--accumulate', '4', '--replicas', '6'];
  const results = await withWorkers(args, [1, 2, 3]);
  assertSame(results);
  assert.deepEqual([results[0]?.steps, results[0]?.samples], [9, 300]);
  assertSame(await withWorkers([...args, '--max-steps', '4', '--wire', 'bfloat16', '--bucket-bytes', '4096'], [1, 2]));
  assertSame(await withWorkers([...args, '--max-steps', '3', '--eager'], [1, 2]));
  assertSame(await withWorkers([...args, '--max-steps', '3', '--engine', 'cpu'], [1, 2]));
});

test('a replica that is alone accumulates on the device', async () => {
  const args = [smallJob, '--batch-size', '12', '--accumulate', '4', '--replicas', '1'];
  const [result] = await withWorkers(args, [1]);
  assert.deepEqual([result?.steps, result?.samples], [9, 300]);
});

test('mixed precision gives the same bits on 1, 2 and 3 workers, and others than float32', async () => {
  const args = [smallJob, '--replicas', '6', '--max-steps', '4'];
  const results = await withWorkers([...args, '--precision', 'mixed_bfloat16'], [1, 2, 3]);
  assertSame(results);
  const [exact] = await withWorkers(args, [2]);
  assert.notEqual(results[0]?.weightsSha256, exact?.weightsSha256);
});

test('gradients in bfloat16 give the same bits on 1, 2, 3, 4 and 5 workers by any algorithm, and others than in float32', async () => {
  const args = [smallJob, '--replicas', '6', '--max-steps', '4'];
  const rounded = [...args, '--wire', 'bfloat16'];
  const results = await withWorkers(rounded, [1, 2, 3]);
  results.push(...(await withWorkers([...rounded, '--algorithm', 'halving'], [4, 5])));
  assertSame(results);
  const [exact] = await withWorkers(args, [2]);
  assert.notEqual(results[0]?.weightsSha256, exact?.weightsSha256);
  assert.ok(Math.abs((results[0]?.loss ?? Infinity) - (exact?.loss ?? 0)) < 0.05);
});

test('top-k gradients give the same bits on 1, 2, 3, 4 and 5 workers, with and without shared memory, and others than in float32', async () => {
  const args = [smallJob, '--replicas', '6', '--epochs', '2'];
  const sparse = [...args, '--wire', 'top-k:0.02'];
  const results = await withWorkers(sparse, [1, 2, 3, 4]);
  results.push(...(await withWorkers([...sparse, '--algorithm', 'halving', '--shared-memory', 'off'], [5])));
  assertSame(results);
  const [exact] = await withWorkers(args, [2]);
  assert.notEqual(results[0]?.weightsSha256, exact?.weightsSha256);
});

test('gradients of low rank give the same bits on 1, 2, 3 and 4 workers, by every engine, and others than in float32', async () => {
  const args = [smallJob, '--replicas', '6', '--epochs', '2'];
  const lowRank = [...args, '--wire', 'powersgd:2', '--bucket-bytes', '4096'];
  const results = await withWorkers(lowRank, [1, 2, 3]);
  results.push(...(await withWorkers([...lowRank, '--algorithm', 'halving', '--shared-memory', 'off'], [4])));
  assertSame(results);
  const [exact] = await withWorkers(args, [2]);
  assert.notEqual(results[0]?.weightsSha256, exact?.weightsSha256);
  assertSame(await withWorkers([...lowRank, '--max-steps', '3', '--eager'], [1, 2]));
  assertSame(await withWorkers([...lowRank, '--max-steps', '3', '--engine', 'cpu'], [1, 2]));
});

test('the eager and the cpu engine train with gradients in bfloat16, with the same bits on 1 and 2 workers', async () => {
  const args = [smallJob, '--replicas', '2', '--max-steps', '3', '--wire', 'bfloat16'];
  assertSame(await withWorkers([...args, '--eager'], [1, 2]));
  assertSame(await withWorkers([...args, '--engine', 'cpu'], [1, 2]));
});

test('small buckets, which leave while the rest of the step is computed, give the same bits on 1 and 2 workers', async () => {
  assertSame(await withWorkers([smallJob, '--replicas', '2', '--max-steps', '4', '--bucket-bytes', '4096'], [1, 2]));
});

test('the eager engine gives the same bits on 1 and 2 workers', async () => {
  assertSame(await withWorkers([smallJob, '--replicas', '2', '--max-steps', '4', '--eager'], [1, 2]));
});

test('the cpu engine gives the same bits on 1 and 2 workers', async () => {
  assertSame(await withWorkers([smallJob, '--replicas', '2', '--max-steps', '3', '--engine', 'cpu'], [1, 2]));
});

test('an LSTM over an embedding gives the same bits on 1 and 3 workers', async () => {
  assertSame(await withWorkers([recurrentJob, '--replicas', '3'], [1, 3]));
});

test('a schedule, weight decay and clipping by the global norm give the same bits on 1 and 2 workers', async () => {
  assertSame(await withWorkers([clippedJob, '--replicas', '4'], [1, 2]));
});

test('a loss and a metric of the job’s own give the same bits and means on 1, 2 and 4 workers', async () => {
  const results = await withWorkers([ownLossJob, '--replicas', '4'], [1, 2, 4]);
  assertSame(results);
  assert.deepEqual(Object.keys(results[0]?.metrics ?? {}), ['meanAbsoluteError', 'covered']);
  assert.ok(Number(results[0]?.test?.covered ?? -1) >= 0);
});

test('a reader that leaves values untouched gives the same bits on 1, 2 and 4 workers', async () => {
  // A plain .js job without a package.json beside it, as users start with.
  writeFileSync(
    join(outputs, 'sparse-reader.js'),
    `export const open = () => ({
      size: 37, inputs: [{ shape: [6], dtype: 'float32' }], targets: [{ shape: [1], dtype: 'float32' }],
      read(i, inputs, targets) { inputs[0][i % 6] = 1; targets[0][0] = i % 3; },
    });\n`,
  );
  writeFileSync(
    join(outputs, 'sparse.js'),
    `import { datasets, defineJob, tf } from 'lockstep';
    export default defineJob({
      model: () => tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [6], activation: 'softmax' })] }),
      optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', batchSize: 8, epochs: 3,
      data: { train: datasets.custom({ module: new URL('./sparse-reader.js', import.meta.url) }) },
    });\n`,
  );
  assertSame(await withWorkers([join(outputs, 'sparse.js'), '--replicas', '4'], [1, 2, 4]));
});

test('another seed, or another number of replicas, gives other weights', async () => {
  const base = await trainJson([smallJob, '--replicas', '2', '--max-steps', '2']);
  const otherSeed = await trainJson([smallJob, '--replicas', '2', '--max-steps', '2', '--seed', '8']);
  assert.notEqual(otherSeed.weightsSha256, base.weightsSha256);
});

const cifar = join(repositoryRoot, '../shared/data/cifar-10-batches-bin');
const skip = existsSync(cifar) ? false : `no CIFAR-10 at ${cifar}`;

test('the chapter’s CNN on CIFAR-10 gives the same bits on 1, 2, 3 and 6 workers, others for another seed', {
  skip,
}, async () => {
  const job = join(repositoryRoot, 'examples/cifar10-cnn.ts');
  const args = [job, '--data', cifar, '--replicas', '6', '--max-steps', '40'];
  assertSame(await withWorkers([...args, '--seed', '7'], [1, 2, 3, 6]));
  const [seven] = await withWorkers([...args, '--seed', '7', '--max-steps', '3'], [2]);
  const [eight] = await withWorkers([...args, '--seed', '8', '--max-steps', '3'], [2]);
  assert.notEqual(eight?.weightsSha256, seven?.weightsSha256);
});
