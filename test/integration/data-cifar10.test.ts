import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { datasets } from '../../shared/job/index.ts';
import { openSource } from '../../worker/data/index.ts';
import { readSample } from '../support/data-fixtures.ts';
import { repositoryRoot } from '../support/repository.ts';

/** The real files, in the official layout; no part of the repository. */
const directory = join(repositoryRoot, '..', 'shared', 'data', 'cifar-10-batches-bin');
const skip = existsSync(join(directory, 'data_batch_1.bin')) ? false : `no CIFAR-10 at ${directory}`;

for (const { split, perClass } of [
  { split: 'train', perClass: 1000 },
  { split: 'test', perClass: 200 },
] as const) {
  test(`the ${split} files of CIFAR-10 hold ${perClass} pictures of each class`, { skip }, async (t) => {
    const source = await openSource(datasets.cifar10({ split }).describe(), { directory });
    t.after(() => source.close?.());
    assert.equal(source.size, 10 * perClass);
    const counts = new Array<number>(10).fill(0);
    let sum = 0;
    for (let index = 0; index < source.size; index++) {
      const { input, target } = readSample(source, index);
      const label = target[0] ?? -1;
      counts[label] = (counts[label] ?? 0) + 1;
      for (const value of input) sum += value;
    }
    assert.deepEqual(counts, new Array(10).fill(perClass));
    // CIFAR-10's mean pixel is 0.473 of 255 (means of 0.491, 0.482 and 0.447 by channel).
    assert.ok(Math.abs(sum / (source.size * 3072 * 255) - 0.473) < 0.01, `mean ${sum / (source.size * 3072 * 255)}`);
  });
}

test('resized to the network’s size, a picture keeps its mean', { skip }, async (t) => {
  const original = await openSource(datasets.cifar10({ split: 'test' }).describe(), { directory });
  const resized = await openSource(datasets.cifar10({ split: 'test' }).resize(64, 64).describe(), { directory });
  t.after(() => [original, resized].map((source) => source.close?.()));
  const mean = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0) / values.length;
  for (let index = 0; index < 20; index++) {
    const before = mean(readSample(original, index).input);
    // Twice the size: each pixel counts 4 times, apart from rounding to float32.
    assert.ok(Math.abs(mean(readSample(resized, index).input) - before) < 1e-3);
  }
});
