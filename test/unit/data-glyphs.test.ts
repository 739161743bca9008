import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { datasets } from '../../shared/job/index.ts';
import { openSource, type Source } from '../../worker/data/index.ts';
import { readSample } from '../support/data-fixtures.ts';

function open(options: Parameters<typeof datasets.glyphs>[0]): Promise<Source> {
  return openSource(datasets.glyphs(options).describe(), { directory: undefined });
}

function digest(source: Source, samples: number): string {
  const hash = createHash('sha256');
  for (let index = 0; index < samples; index++) {
    const { input, target } = readSample(source, index);
    hash.update(Uint8Array.from([...input, ...target]));
  }
  return hash.digest('hex');
}

test('a picture is [height, width, 3] of whole numbers from 0 to 255, its target a class from 0 to 9', async () => {
  const source = await open({ samples: 20, seed: 1, height: 24, width: 40 });
  assert.deepEqual(source.inputs, [{ shape: [24, 40, 3], dtype: 'float32' }]);
  for (let index = 0; index < source.size; index++) {
    const { input, target } = readSample(source, index);
    assert.ok(input.every((value) => Number.isInteger(value) && value >= 0 && value <= 255));
    assert.ok(Number.isInteger(target[0]) && (target[0] ?? -1) >= 0 && (target[0] ?? 10) <= 9);
  }
});

test('the pictures are the same on every machine and Node version', async () => {
  assert.equal(
    digest(await open({ samples: 40, seed: 1, height: 32 }), 40),
    'f7be1a155052a8f55fd1281347553dbc5e237019d71e21bd933c31c4e0a394a6',
  );
});

test('a sample depends on the seed and its number only: not on when it is read, nor on the others', async () => {
  const source = await open({ samples: 50, seed: 5 });
  const late = readSample(source, 49);
  readSample(source, 3);
  assert.deepEqual(readSample(source, 49), late, 'from the cache');
  assert.deepEqual(readSample(await open({ samples: 1, seed: 5, first: 49 }), 0), late);
  assert.notDeepEqual(readSample(await open({ samples: 1, seed: 6, first: 49 }), 0), late);
});

test('pictures beyond the cache are rendered anew, and are the same', async () => {
  // 1024×1024×3 bytes: the cache of 128 MiB holds 42 of them.
  const source = await open({ samples: 50, seed: 2, height: 1024 });
  const picture = (index: number): Float32Array => {
    const values = new Float32Array(1024 * 1024 * 3);
    source.read(index, [values], [new Float32Array(1)]);
    return values;
  };
  const [last, other, again] = [picture(49), picture(48), picture(49)];
  assert.ok(Buffer.from(last.buffer).equals(Buffer.from(again.buffer)));
  assert.ok(!Buffer.from(last.buffer).equals(Buffer.from(other.buffer)));
});

test('classes are balanced: each has a tenth of the samples', async () => {
  const source = await open({ samples: 10_000, seed: 3, height: 8 });
  const counts = new Array<number>(10).fill(0);
  for (let index = 0; index < source.size; index++) {
    const label = readSample(source, index).target[0] ?? 0;
    counts[label] = (counts[label] ?? 0) + 1;
  }
  // 1000 expected with a deviation of 30; 5 deviations.
  assert.ok(
    counts.every((count) => count > 850 && count < 1150),
    `classes: ${counts}`,
  );
});
