import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { datasets } from '../../shared/job/index.ts';
import { openSource, type Source } from '../../worker/data/index.ts';
import { PickleReader } from '../../worker/data/numpy/python-objects.ts';
import { RaggedArray } from '../../worker/data/numpy/ragged-array.ts';
import { dataDirectory, readSample } from '../support/data-fixtures.ts';
import { repositoryRoot } from '../support/repository.ts';
import { rejected } from '../support/thrown.ts';

/** A `.npy` file of version 1. */
function npy(descr: string, shape: readonly number[], content: Uint8Array, changes = ''): Uint8Array {
  const dictionary = `{'descr': '${descr}', 'fortran_order': ${changes || 'False'}, 'shape': (${shape.join(', ')},), }`;
  const header = dictionary.padEnd(118 - 1, ' ').concat('\n');
  return Buffer.concat([
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]),
    Buffer.from(header),
    content,
  ]);
}

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const images = npy('|u1', [2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 255));
const labels = npy('<i8', [2], bytesOf(BigInt64Array.of(1n, 0n)));

async function open(t: TestContext, x: Uint8Array, y: Uint8Array, classes?: number): Promise<Source> {
  const directory = dataDirectory(t);
  directory.write('x.npy', x);
  directory.write('y.npy', y);
  const dataset = datasets.npy({ inputs: 'x.npy', targets: 'y.npy', ...(classes === undefined ? {} : { classes }) });
  const source = await openSource(dataset.describe(), { directory: directory.path });
  t.after(() => source.close?.());
  return source;
}

test('npy: the first dimension counts samples; bytes and targets become float32', async (t) => {
  const source = await open(t, images, labels, 2);
  assert.deepEqual(source.inputs, [{ shape: [1, 3], dtype: 'float32' }]);
  assert.deepEqual(source.targets, [{ shape: [1], dtype: 'float32' }]);
  assert.deepEqual(
    [readSample(source, 0), readSample(source, 1)],
    [
      { input: [1, 2, 3], target: [1] },
      { input: [4, 5, 255], target: [0] },
    ],
  );
});

/** [type, its bytes for 1, −2 and 0 (or what unsigned types make of it), the values] */
const types: readonly (readonly [string, Uint8Array, readonly number[]])[] = [
  ['|b1', Uint8Array.of(1, 0, 1), [1, 0, 1]],
  ['|i1', bytesOf(Int8Array.of(1, -2, 0)), [1, -2, 0]],
  ['<u2', bytesOf(Uint16Array.of(1, 65535, 0)), [1, 65535, 0]],
  ['>i2', Uint8Array.of(0, 1, 255, 254, 0, 0), [1, -2, 0]],
  ['<i4', bytesOf(Int32Array.of(1, -2, 0)), [1, -2, 0]],
  ['>f4', Uint8Array.of(0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0), [1, -2, 0]],
  ['<f8', bytesOf(Float64Array.of(1, -2, 0)), [1, -2, 0]],
  ['<f2', bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x0001)), [1, -2, 2 ** -24]],
];
for (const [type, content, values] of types) {
  test(`npy: elements of type ${type} keep their values`, async (t) => {
    const zeros = npy('|u1', [3], new Uint8Array(3));
    const source = await open(t, npy(type, [3], content), zeros);
    assert.deepEqual(source.inputs[0]?.dtype, /[iu][248]$/.test(type) ? 'int32' : 'float32');
    assert.deepEqual(
      values.map((_, index) => readSample(source, index).input[0]),
      values,
    );
  });
}

const wrong: readonly (readonly [
  string,
  Uint8Array,
  Uint8Array,
  'data/corrupt' | 'data/empty' | 'data/shape',
  RegExp,
])[] = [
  [
    'another format',
    Buffer.from('not a NumPy file'),
    labels,
    'data/corrupt',
    /x\.npy byte 0: .*not those of a \.npy file/,
  ],
  ['cut content', images.subarray(0, -1), labels, 'data/corrupt', /x\.npy byte \d+: 133 bytes, expected 134/],
  ['a cut header', images.subarray(0, 40), labels, 'data/corrupt', /byte 40: the file ends inside its header/],
  [
    'column order',
    npy('|u1', [2, 3], new Uint8Array(6), 'True'),
    labels,
    'data/corrupt',
    /column order; save numpy\.ascontiguousarray/,
  ],
  [
    'Python objects',
    npy('|O', [2], new Uint8Array(6)),
    labels,
    'data/corrupt',
    /holds Python objects; save it with one numeric type/,
  ],
  [
    'complex numbers',
    npy('<c8', [2], new Uint8Array(16)),
    labels,
    'data/corrupt',
    /elements of type <c8; expected one of/,
  ],
  [
    'a missing label',
    images,
    npy('|u1', [1], new Uint8Array(1)),
    'data/shape',
    /x\.npy holds 2 samples, but .*y\.npy holds 1/,
  ],
  [
    'no samples',
    npy('|u1', [0, 3], new Uint8Array(0)),
    npy('|u1', [0], new Uint8Array(0)),
    'data/empty',
    /x\.npy holds no samples: 0 × 3/,
  ],
  [
    'a label out of range',
    images,
    npy('|u1', [2], Uint8Array.of(1, 2)),
    'data/corrupt',
    /y\.npy: label 2 of sample 1, expected 0 to 1/,
  ],
];
for (const [what, x, y, code, message] of wrong) {
  test(`npy: ${what}: file and expectation are named when it is opened`, async (t) => {
    assert.match((await rejected(code, open(t, x, y, 2))).message, message);
  });
}

const archives = join(repositoryRoot, 'test/parity/goldens/data');

test('npz: an archive that is cut, or lacks an array, is an error that says what it holds', async (t) => {
  const directory = dataDirectory(t);
  const whole = readFileSync(join(archives, 'reuters.npz'));
  directory.write('cut.npz', whole.subarray(0, -30));
  const cut = datasets.npz({ file: 'cut.npz', inputs: 'x', targets: 'y', directory: directory.path });
  assert.match(
    (await rejected('data/corrupt', openSource(cut.describe(), { directory: undefined }))).message,
    /cut\.npz is no whole ZIP archive: .*; fetch it anew/,
  );
  const other = datasets.npz({ file: 'reuters.npz', inputs: 'x_train', targets: 'y', directory: archives });
  assert.match(
    (await rejected('data/missing', openSource(other.describe(), { directory: undefined }))).message,
    /reuters\.npz holds no x_train\.npy; it holds x\.npy, y\.npy/,
  );
});

test('npz: damaged compressed bytes are an error, not other numbers', async (t) => {
  const directory = dataDirectory(t);
  const bytes = Buffer.from(readFileSync(join(archives, 'imdb.npz')));
  // In the middle of the first array's compressed bytes.
  bytes.fill(0xff, 200, 230);
  directory.write('imdb.npz', bytes);
  const dataset = datasets.imdb({ split: 'train', directory: directory.path }).padSequences({ maxLen: 5 });
  assert.match(
    (await rejected('data/corrupt', openSource(dataset.describe(), { directory: undefined }))).message,
    /imdb\.npz: x_train\.npy/,
  );
});

test('a pickle that would call anything but NumPy’s array is refused, and so is one that is cut', () => {
  const call = Buffer.from('\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.', 'latin1');
  assert.throws(() => new PickleReader(call).read(), /the pickle calls os\.system, which is not done/);
  assert.throws(() => new PickleReader(Buffer.from('\x80\x02]K', 'latin1')).read(), /ends in its middle/);
  assert.throws(() => new PickleReader(Buffer.from('\x80\x02R.', 'latin1')).read(), /takes more values than it has/);
  assert.throws(
    () => new PickleReader(Buffer.from('\x80\x02i', 'latin1')).read(),
    /opcode 0x69 of a pickle is not read/,
  );
});

test('npy: a whole number beyond 32 bits is an error where it is, not another number', async (t) => {
  const large = npy('<i8', [2], bytesOf(BigInt64Array.of(7n, 2n ** 31n)));
  const source = await open(t, large, labels);
  assert.deepEqual(readSample(source, 0).input, [7]);
  const reading = (async () => readSample(source, 1))();
  assert.match((await rejected('data/corrupt', reading)).message, /byte 136: 2147483648 does not fit in 32 bits/);
});

test('sequences of any length lie after one another', () => {
  const ragged = new RaggedArray([[1, 2], [], [3]]);
  assert.deepEqual(
    [0, 1, 2].map((index) => [...ragged.at(index)]),
    [[1, 2], [], [3]],
  );
});
