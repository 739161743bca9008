import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Dataset, datasets } from '../../shared/job/index.ts';
import { openSource, type Source } from '../../worker/data/index.ts';
import { readSample } from '../support/data-fixtures.ts';
import { rejected } from '../support/thrown.ts';

function image(values: readonly number[], shape: readonly number[], labels: readonly number[] = [0]): Dataset {
  return datasets.arrays({ inputs: { values, shape }, targets: { values: labels, shape: [1] } });
}

function open(dataset: Dataset): Promise<Source> {
  return openSource(dataset.describe(), { directory: undefined });
}

async function resized(values: readonly number[], from: readonly number[], height: number, width: number) {
  return readSample(await open(image(values, from).resize(height, width)), 0).input;
}

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, value] of expected.entries()) {
    assert.ok(
      Math.abs((actual[index] ?? Number.NaN) - value) < 1e-5,
      `value ${index}: ${actual[index]}, expected ${value}`,
    );
  }
}

// Expected values: tf.image.resize(image, size, method='bilinear') of TensorFlow 2.
test('resize doubles an image as TensorFlow does', async () => {
  const expected = [
    [1, 1.25, 1.75, 2],
    [1.5, 1.75, 2.25, 2.5],
    [2.5, 2.75, 3.25, 3.5],
    [3, 3.25, 3.75, 4],
  ].flat();
  assert.deepEqual(await resized([1, 2, 3, 4], [2, 2, 1], 4, 4), expected);
});

test('resize by other factors, up and down, takes the two nearest pixel centres', async () => {
  // Centres of 5 in 3: ((i + 0.5) · 3/5 − 0.5) = −0.2, 0.4, 1, 1.6, 2.2.
  assertClose(await resized([0, 10, 40], [1, 3, 1], 1, 5), [0, 4, 10, 28, 40]);
  // Centres of 2 in 5: 0.75, 3.25. No antialiasing: the pixels between are left out.
  assertClose(await resized([0, 4, 100, 8, 12], [5, 1, 1], 2, 1), [3, 9]);
});

test('resize keeps channels apart and leaves an image of the same size as it is', async () => {
  assert.deepEqual(await resized([1, 100, 3, 200], [1, 2, 2], 1, 4), [1, 100, 1.5, 125, 2.5, 175, 3, 200]);
  assert.deepEqual(await resized([1, 2, 3, 4, 5, 6], [3, 2, 1], 3, 2), [1, 2, 3, 4, 5, 6]);
});

test('resize refuses what is no image', async () => {
  const { message } = await rejected('data/shape', open(image([1, 2, 3, 4], [4]).resize(2, 2)));
  assert.match(message, /float32 images \[height, width, channels\] or clips of them, got float32 \[4\]/);
});

test('scale multiplies, then adds, and leaves int32 inputs alone', async () => {
  const source = await open(image([0, 127.5, 255], [3]).scale(1 / 127.5, -1));
  assert.deepEqual(readSample(source, 0).input, [-1, 0, 1]);
  const tokens = datasets.arrays({
    inputs: { values: Int32Array.of(5, 6), shape: [2] },
    targets: { values: [1], shape: [1] },
  });
  assert.deepEqual(readSample(await open(tokens.scale(10)), 0).input, [5, 6]);
});

test('transforms apply in the order in which they were written', async () => {
  const source = await open(image([1, 2, 3, 4], [2, 2, 1]).scale(2).resize(1, 1).scale(1, 1));
  assert.deepEqual(readSample(source, 0).input, [6]);
});

test('oneHot turns a class number into a one at its place', async () => {
  const source = await open(image([1, 2, 3], [1], [2, 0, 1]).oneHot(3));
  assert.deepEqual(source.targets, [{ shape: [3], dtype: 'float32' }]);
  const targets = [0, 1, 2].map((index) => readSample(source, index).target);
  assert.deepEqual(targets, [
    [0, 0, 1],
    [1, 0, 0],
    [0, 1, 0],
  ]);
});

test('oneHot finds a label beyond its classes, or no whole number, when it is opened', async () => {
  const beyond = await rejected('data/corrupt', open(image([1, 2], [1], [0, 3]).oneHot(3)));
  assert.match(beyond.message, /sample 1: label 3, expected 0 to 2 for oneHot\(3\)/);
  await rejected('data/corrupt', open(image([1], [1], [0.5]).oneHot(3)));
  await rejected('data/corrupt', open(image([1], [1], [-1]).oneHot(3)));
  await rejected('data/shape', open(image([1], [1], [0]).oneHot(3).oneHot(3)));
});

test('slice takes a part as an array does: from the start, from the end, beyond the end', async () => {
  const whole = image([0, 1, 2, 3, 4], [1], [0, 1, 2, 3, 4]);
  const contents = async (dataset: Dataset): Promise<(number | undefined)[]> => {
    const source = await open(dataset);
    return Array.from({ length: source.size }, (_, index) => readSample(source, index).input[0]);
  };
  assert.deepEqual(await contents(whole.slice(1, 3)), [1, 2]);
  assert.deepEqual(await contents(whole.slice(-2)), [3, 4]);
  assert.deepEqual(await contents(whole.slice(0, -2)), [0, 1, 2]);
  assert.deepEqual(await contents(whole.slice(1).slice(1, 99)), [2, 3, 4]);
  assert.deepEqual(await contents(whole.take(2)), [0, 1]);
  assert.deepEqual(await contents(whole.take(99)), [0, 1, 2, 3, 4]);
});

test('oneHot after slice checks the labels that are left, by their own numbers', async () => {
  const sliced = image([0, 1, 2], [1], [9, 1, 0]).slice(1);
  assert.deepEqual(readSample(await open(sliced.oneHot(2)), 0).target, [0, 1]);
  assert.match((await rejected('data/corrupt', open(sliced.oneHot(1)))).message, /sample 0: label 1/);
});

test('a slice that keeps nothing is an empty data set', async () => {
  assert.match(
    (await rejected('data/empty', open(image([1, 2], [1], [0, 1]).slice(5)))).message,
    /2 samples and none is left/,
  );
});
