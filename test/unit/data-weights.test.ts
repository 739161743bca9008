import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, type Dataset, datasets, defineJob, type Job } from '../../shared/job/index.ts';
import { assembleBatch } from '../../worker/data/assemble-batch.ts';
import { openSource, type Source } from '../../worker/data/index.ts';
import { rejected, thrown } from '../support/thrown.ts';

const labels = [0, 1, 2, 1, 0];
const values = [10, 11, 12, 13, 14];
const numbered = datasets.arrays({
  inputs: { values, shape: [1] },
  targets: { values: Int32Array.from(labels), shape: [] },
});
const weighed = numbered.sampleWeights([0.5, 1, 2, 0, 3]);
const base = { model: () => null, optimizer: 'sgd', loss: 'crossentropy' } as const;

function open(dataset: Dataset | Job['data']['train']): Promise<Source> {
  return openSource('describe' in dataset ? dataset.describe() : dataset, { directory: undefined });
}

async function batch(dataset: Dataset | Job['data']['train'], indices: readonly number[]): Promise<Batch> {
  return assembleBatch(await open(dataset), { rows: indices.length + 2, indices });
}

test('weights go with their samples, through slices and orders, and padding weighs nothing', async () => {
  assert.deepEqual([...(await batch(weighed, [4, 0, 3])).weights], [3, 0.5, 0, 0, 0]);
  assert.deepEqual([...(await batch(weighed.slice(1, 3), [1, 0])).weights], [2, 1, 0, 0]);
  const shuffled = await batch(weighed.shuffle(3), [0, 1, 2, 3, 4]);
  const pairs = [...(shuffled.inputs[0] ?? [])].slice(0, 5).map((value, row) => [value, shuffled.weights[row]]);
  assert.deepEqual(
    pairs.sort(([a], [b]) => Number(a) - Number(b)),
    values.map((value, index) => [value, [0.5, 1, 2, 0, 3][index]]),
  );
  assert.deepEqual([...(await batch(numbered, [2])).weights], [1, 0, 0]);
});

test('classWeight weighs labels and one-hot targets of the training data alone; other classes weigh 1', async () => {
  for (const train of [numbered, numbered.oneHot(3)]) {
    const { data } = defineJob({ ...base, data: { train, test: train }, classWeight: { 0: 0.25, 2: 4 } });
    assert.deepEqual([...(await batch(data.train, [0, 1, 2])).weights], [0.25, 1, 4, 0, 0]);
    assert.deepEqual([...(await batch(data.test ?? assert.fail(), [0, 1, 2])).weights], [1, 1, 1, 0, 0]);
  }
});

test('validationSplit validates with the last share of the training data, with its weights', async () => {
  const { data } = defineJob({ ...base, data: { train: weighed }, validationSplit: 0.4 });
  const [train, validation] = [await open(data.train), await open(data.validation ?? assert.fail())];
  assert.deepEqual([train.size, validation.size], [3, 2]);
  const { inputs, weights } = await batch(data.validation ?? assert.fail(), [0, 1]);
  assert.deepEqual([[...(inputs[0] ?? [])].slice(0, 2), [...weights].slice(0, 2)], [values.slice(3), [0, 3]]);
});

test('weights that mean nothing are refused', async () => {
  const message = (fn: () => unknown): string => thrown('job/invalid', fn).message;
  const job = (more: object): string => message(() => defineJob({ ...base, data: { train: numbered }, ...more }));
  assert.match(
    message(() => numbered.sampleWeights([])),
    /expected an array with a number for each sample/,
  );
  assert.match(
    message(() => numbered.sampleWeights([1, Number.NaN])),
    /sample 1 must be a finite number, got NaN/,
  );
  assert.match(
    message(() => numbered.sampleWeights([1, -1])),
    /sample 1 must not weigh less than 0, got -1/,
  );
  assert.match(job({ classWeight: {} }), /classWeight must be like/);
  assert.match(job({ classWeight: { cat: 2 } }), /"cat" is no class number/);
  assert.match(job({ classWeight: { 1: 'much' } }), /class 1 must be a finite number/);
  assert.match(job({ classWeight: { 1: 2 }, data: { train: weighed } }), /as in Keras, use one of them/);
  assert.match(job({ validationSplit: 1 }), /between 0 and 1, got 1/);
  assert.match(job({ validationSplit: 0.2, data: { train: weighed, validation: weighed } }), /use one of them/);
  const short = await rejected('data/shape', open(numbered.take(4).sampleWeights([1, 2, 3, 4, 5])));
  assert.match(short.message, /5 weights, but the data set holds 4 samples/);
  const wide = datasets.arrays({
    inputs: { values, shape: [1] },
    targets: { values: [0, 1, 1, 0, 1, 0, 1, 1, 1, 0], shape: [1, 2] },
  });
  const { data } = defineJob({ ...base, data: { train: wide }, classWeight: { 1: 2 } });
  assert.match((await rejected('data/shape', open(data.train))).message, /needs one target, a class or one-hot/);
});
