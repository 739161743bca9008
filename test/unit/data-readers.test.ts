import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { datasets } from '../../shared/job/index.ts';
import { openSource, type Source } from '../../worker/data/index.ts';
import { cifarFile, cifarRecordBytes, dataDirectory, idxFile, readSample } from '../support/data-fixtures.ts';
import { rejected } from '../support/thrown.ts';

function openCifar(directory: string | undefined, split: 'train' | 'test' = 'train'): Promise<Source> {
  return openSource(datasets.cifar10({ split }).describe(), { directory });
}

const digits = { images: 'images', labels: 'labels' };

async function openIdx(t: TestContext, images: Uint8Array, labels: Uint8Array, classes = 10): Promise<Source> {
  const directory = dataDirectory(t);
  directory.write('images', images);
  directory.write('labels', labels);
  return openSource(datasets.idx({ ...digits, classes, directory: directory.path }).describe(), {
    directory: undefined,
  });
}

test('CIFAR-10: colour planes become pixels, and labels class numbers', async (t) => {
  const directory = dataDirectory(t);
  directory.write('data_batch_1.bin', cifarFile([3, 9]));
  const source = await openCifar(directory.path);
  t.after(() => source.close?.());
  assert.equal(source.size, 2);
  assert.deepEqual(source.inputs, [{ shape: [32, 32, 3], dtype: 'float32' }]);
  const { input, target } = readSample(source, 1);
  assert.deepEqual(target, [9]);
  assert.deepEqual(input.slice(0, 6), [1, 8, 15, 2, 9, 16]);
  assert.deepEqual(input.slice(-3), [(1 + 1023) % 256, (1 + 1023 + 7) % 256, (1 + 1023 + 14) % 256]);
});

test('CIFAR-10: all training batches are one data set, in the order of their numbers', async (t) => {
  const directory = dataDirectory(t);
  directory.write('data_batch_10.bin', cifarFile([6]));
  directory.write('data_batch_2.bin', cifarFile([3, 4, 5]));
  directory.write('data_batch_1.bin', cifarFile([1, 2]));
  directory.write('test_batch.bin', cifarFile([9]));
  directory.write('batches.meta.txt', new Uint8Array(5));
  const source = await openCifar(directory.path);
  t.after(() => source.close?.());
  const labels = Array.from({ length: source.size }, (_, index) => readSample(source, index).target[0]);
  assert.deepEqual(labels, [1, 2, 3, 4, 5, 6]);
  const tests = await openCifar(directory.path, 'test');
  t.after(() => tests.close?.());
  assert.deepEqual([tests.size, readSample(tests, 0).target], [1, [9]]);
});

test('CIFAR-10: the folder of the official archive is found inside the given directory', async (t) => {
  const directory = dataDirectory(t);
  mkdirSync(join(directory.path, 'cifar-10-batches-bin'));
  writeFileSync(join(directory.path, 'cifar-10-batches-bin', 'test_batch.bin'), cifarFile([4]));
  const source = await openCifar(directory.path, 'test');
  t.after(() => source.close?.());
  assert.equal(source.size, 1);
});

test('CIFAR-10: a truncated file names its size, the record that is cut and where', async (t) => {
  const directory = dataDirectory(t);
  directory.write('test_batch.bin', cifarFile([1, 2, 3]).subarray(0, 3 * cifarRecordBytes - 1));
  const { message } = await rejected('data/corrupt', openCifar(directory.path, 'test'));
  assert.match(message, /test_batch\.bin: 9218 bytes, not a multiple of 3073 \(1 label \+ 3072 pixels\)/);
  assert.match(message, /record 2 starts at byte 6146 and is cut after 3072 bytes/);
});

test('CIFAR-10: a wrong label is found when the file is opened, whichever record holds it', async (t) => {
  const directory = dataDirectory(t);
  const labels = new Array<number>(701).fill(1);
  labels[700] = 17;
  directory.write('data_batch_1.bin', cifarFile(labels));
  const error = await rejected('data/corrupt', openCifar(directory.path));
  assert.match(error.message, /data_batch_1\.bin byte 2151100: label 17 of record 700, expected 0 to 9/);
  assert.equal(error.details['byte'], 700 * cifarRecordBytes);
});

test('CIFAR-10: an empty file is corrupt', async (t) => {
  const directory = dataDirectory(t);
  directory.write('test_batch.bin', new Uint8Array(0));
  assert.match(
    (await rejected('data/corrupt', openCifar(directory.path, 'test'))).message,
    /byte 0: the file is empty/,
  );
});

test('CIFAR-10: a file that shrinks after it was opened is an error, not old pixels', async (t) => {
  const directory = dataDirectory(t);
  directory.write('test_batch.bin', cifarFile([1, 2]));
  const source = await openCifar(directory.path, 'test');
  t.after(() => source.close?.());
  truncateSync(join(directory.path, 'test_batch.bin'), cifarRecordBytes + 10);
  assert.equal(readSample(source, 0).target[0], 1);
  const reading = (async () => readSample(source, 1))();
  assert.match((await rejected('data/corrupt', reading)).message, /byte 3083: the file ends, expected 3063 more bytes/);
});

test('without a directory the message says how to give one and what it must hold', async () => {
  const dataset = datasets.csv({ file: 'houses.csv', inputs: 'rooms', target: 'price' });
  const { message } = await rejected('data/missing', openSource(dataset.describe(), { directory: undefined }));
  assert.match(message, /--data DIR, LOCKSTEP_DATA or `directory`/);
  assert.match(message, /houses\.csv/);
});

test('a directory that does not exist, or lacks the files, is named', async (t) => {
  const directory = dataDirectory(t);
  const absent = join(directory.path, 'absent');
  assert.ok(
    (await rejected('data/missing', openCifar(absent))).message.startsWith(`${absent} (--data) is no directory`),
  );
  const { message } = await rejected('data/missing', openCifar(directory.path, 'test'));
  assert.ok(message.startsWith(`${directory.path} holds no test_batch.bin`), message);
});

test("the job's own directory goes before the run's", async (t) => {
  const own = dataDirectory(t);
  own.write('test_batch.bin', cifarFile([5]));
  const dataset = datasets.cifar10({ split: 'test', directory: own.path });
  const source = await openSource(dataset.describe(), { directory: '/nowhere' });
  t.after(() => source.close?.());
  assert.equal(source.size, 1);
});

test('IDX: images get one channel, four dimensions keep theirs', async (t) => {
  const grey = await openIdx(t, idxFile([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), idxFile([2], [0, 9]));
  t.after(() => grey.close?.());
  assert.deepEqual(grey.inputs, [{ shape: [2, 3, 1], dtype: 'float32' }]);
  assert.deepEqual(readSample(grey, 1), { input: [7, 8, 9, 10, 11, 12], target: [9] });
  const colour = await openIdx(t, idxFile([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), idxFile([1], [0]));
  t.after(() => colour.close?.());
  assert.deepEqual(colour.inputs, [{ shape: [1, 2, 3], dtype: 'float32' }]);
});

const twoImages = idxFile([2, 1, 1], [1, 2]);
const twoLabels = idxFile([2], [0, 1]);

const corruptIdx: readonly (readonly [string, Uint8Array, Uint8Array, RegExp])[] = [
  [
    'cut images',
    twoImages.subarray(0, 17),
    twoLabels,
    /images byte 17: the file has 17 bytes, expected 18 for 2 × 1 × 1/,
  ],
  ['too long labels', twoImages, Uint8Array.from([...twoLabels, 0]), /labels byte 10: .* 11 bytes, expected 10 for 2/],
  ['a cut header', twoImages.subarray(0, 3), twoLabels, /images byte 3: the file ends, expected a header/],
  ['cut dimensions', twoImages.subarray(0, 9), twoLabels, /images byte 9: the file ends, expected 7 more bytes/],
  ['a cut packed file', Uint8Array.from([0x1f, 0x8b, 8, 0]), twoLabels, /images cannot be unpacked: unexpected end/],
  [
    'another format',
    Uint8Array.from([0x89, 0x50, 0x4e, 0x47]),
    twoLabels,
    /images byte 0: bytes 137, 80, expected 0, 0/,
  ],
  [
    'another element type',
    Uint8Array.from([0, 0, 13, 3]),
    twoLabels,
    /byte 2: element type 13 \(32-bit floats\), expected 8/,
  ],
  ['labels for images', twoLabels, twoLabels, /images byte 3: 1 dimensions, expected 3 or 4/],
  ['a missing label', twoImages, idxFile([1], [0]), /labels byte 4: 1 labels, expected 2, one per image of images/],
  ['a wrong label', twoImages, idxFile([2], [0, 10]), /labels byte 9: label 10, expected 0 to 9/],
];
for (const [what, images, labels, message] of corruptIdx) {
  test(`IDX: ${what}: file, byte and expectation are named`, async (t) => {
    assert.match((await rejected('data/corrupt', openIdx(t, images, labels))).message, message);
  });
}

test('IDX: a missing file is named with what the data set needs; no samples are no data', async (t) => {
  const directory = dataDirectory(t);
  directory.write('images', twoImages);
  const dataset = datasets.idx({ ...digits, directory: directory.path });
  const { message } = await rejected('data/missing', openSource(dataset.describe(), { directory: undefined }));
  assert.match(message, /labels does not exist; this IDX data set needs images and labels/);
  await rejected('data/empty', openIdx(t, idxFile([0, 1, 1], []), idxFile([0], [])));
});

test('arrays: each sample is its part of the values', async () => {
  const dataset = datasets.arrays({
    inputs: { values: [1, 2, 3, 4, 5, 6], shape: [2] },
    targets: { values: Int32Array.of(7, 8, 9), shape: [] },
  });
  const source = await openSource(structuredClone(dataset.describe()), { directory: undefined });
  assert.deepEqual(source.targets, [{ shape: [], dtype: 'int32' }]);
  assert.deepEqual(readSample(source, 2), { input: [5, 6], target: [9] });
});

test('an unknown kind of data set is refused', async () => {
  const opening = openSource({ kind: 'cifar11', options: {}, transforms: [] }, { directory: undefined });
  assert.match((await rejected('job/invalid', opening)).message, /"cifar11"; known: cifar10, mnist, .*arrays, custom/);
});
