import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { LockstepError } from '../../shared/core/index.ts';
import { loadModel, type SavedWeight, saveModel } from '../../worker/checkpoint/index.ts';

let root = '';
let directory = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lockstep-checkpoint-'));
  directory = join(root, 'out', 'model');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function weight(name: string, shape: number[], first: number, trainable = true): SavedWeight {
  const length = shape.reduce((product, size) => product * size, 1);
  return { name, shape, trainable, values: Float32Array.from({ length }, (_, i) => first + i / 7) };
}

const topology = { class_name: 'Sequential', config: { name: 'net', layers: [] } };
const model = (first = 0) => ({
  topology,
  weights: [
    weight('dense/kernel', [3, 4], first),
    weight('dense/bias', [4], first + 1),
    weight('norm/mean', [], 5, false),
  ],
  metadata: { steps: 12, jobHash: 'abc' },
});
/** Small files, so that a weight goes on in the next one: 17 values are 68 bytes. */
const shards = { shardBytes: 28 };

const rejects = (promise: Promise<unknown>, code: string, message: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof LockstepError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });

test('a model comes back as it was saved, in one file or many', async () => {
  for (const options of [{}, shards]) {
    const { weightsSha256 } = await saveModel(directory, model(), options);
    const loaded = await loadModel(directory);
    assert.deepEqual(loaded, { ...model(), weightsSha256 });
  }
  assert.deepEqual(readdirSync(directory).sort(), [
    'group1-shard1of3.bin',
    'group1-shard2of3.bin',
    'group1-shard3of3.bin',
    'model.json',
  ]);
});

test('the fingerprint is the SHA-256 over all weights’ float32 bytes in order', async () => {
  const hash = createHash('sha256');
  for (const { values } of model().weights) hash.update(new Uint8Array(values.buffer));
  assert.equal((await saveModel(directory, model())).weightsSha256, hash.digest('hex'));
});

test('weights of any size survive any file size, also as views into larger buffers', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1, max: 50 }), async (lengths, shardBytes) => {
      const all = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i));
      let start = 1;
      const weights = lengths.map((length, i) => {
        const values = all.subarray(start, start + length);
        start += length;
        return { name: `w${i}`, shape: [length], trainable: true, values };
      });
      await saveModel(directory, { topology, weights, metadata: {} }, { shardBytes });
      const loaded = await loadModel(directory);
      assert.deepEqual(
        loaded.weights.map(({ values }) => [...values]),
        weights.map(({ values }) => [...values]),
      );
    }),
    { numRuns: 30 },
  );
});

test('topology may be given as the text that tfjs’s toJSON makes', async () => {
  await saveModel(directory, { ...model(), topology: JSON.stringify(topology) });
  assert.deepEqual((await loadModel(directory)).topology, topology);
});

test('where there is no model, that is said', async () => {
  await rejects(loadModel(directory), 'checkpoint/missing', /model\.json does not exist/);
});

test('a file that is gone, cut, longer or altered is named', async () => {
  const files = ['model.json', 'group1-shard1of3.bin', 'group1-shard2of3.bin', 'group1-shard3of3.bin'];
  for (const name of files) {
    const path = join(directory, name);
    const damage: [string, () => void][] = [
      ['gone', () => rmSync(path)],
      ['empty', () => writeFileSync(path, '')],
      ['cut', () => writeFileSync(path, readFileSync(path).subarray(0, -1))],
      ['longer', () => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('!')]))],
      ['altered', () => writeFileSync(path, flip(readFileSync(path)))],
    ];
    for (const [what, inflict] of damage) {
      await saveModel(directory, model(), shards);
      inflict();
      const code = name === 'model.json' && what === 'gone' ? 'checkpoint/missing' : 'checkpoint/corrupt';
      await rejects(loadModel(directory), code, new RegExp(name.replaceAll('.', '\\.')));
    }
  }
});

/** Changes one bit in the middle. */
function flip(bytes: Buffer): Buffer {
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  return bytes;
}

test('a changed topology, shape, name or fact in model.json is noticed', async () => {
  const changes = [
    ['"name":"net"', '"name":"not"'],
    ['"shape":[3,4]', '"shape":[4,3]'],
    ['dense/bias', 'dense/bios'],
    ['"steps":12', '"steps":13'],
  ] as const;
  for (const [from, to] of changes) {
    await saveModel(directory, model());
    const path = join(directory, 'model.json');
    const text = readFileSync(path, 'utf8');
    assert.ok(text.includes(from));
    writeFileSync(path, text.replace(from, to));
    await rejects(loadModel(directory), 'checkpoint/corrupt', /model\.json was altered/);
  }
});

test('a model may not name files outside of its directory', async () => {
  await saveModel(directory, model());
  const path = join(directory, 'model.json');
  const json = JSON.parse(readFileSync(path, 'utf8'));
  delete json.userDefinedMetadata;
  json.weightsManifest[0].paths = ['../../secret'];
  writeFileSync(path, JSON.stringify(json));
  await rejects(loadModel(directory), 'checkpoint/corrupt', /weightsManifest/);
});

test('a model that plain tfjs saved is loaded; only its sizes can be checked', async () => {
  await saveModel(directory, model());
  const path = join(directory, 'model.json');
  const { userDefinedMetadata: _, ...plain } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify(plain));
  assert.deepEqual((await loadModel(directory)).weights[0], model().weights[0]);
  const shard = join(directory, 'group1-shard1of1.bin');
  writeFileSync(shard, readFileSync(shard).subarray(4));
  await rejects(loadModel(directory), 'checkpoint/corrupt', /lists 68 bytes of weights.*hold 64/);
});

test('a save that fails at any file leaves the previous model whole and nothing else', async () => {
  await saveModel(directory, model(), shards);
  const before = await loadModel(directory);
  for (let failing = 0; failing < 4; failing++) {
    let written = 0;
    const write = async (path: string, bytes: Uint8Array) => {
      if (written++ === failing) {
        // A full disk tears the file first.
        writeFileSync(path, bytes.subarray(0, 3));
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      }
      writeFileSync(path, bytes);
    };
    await rejects(saveModel(directory, model(9), { ...shards, write }), 'checkpoint/write', /no space left on device/);
    assert.deepEqual(await loadModel(directory), before);
    assert.deepEqual(readdirSync(join(root, 'out')), ['model']);
  }
});

test('a first save that fails leaves no directory', async () => {
  const write = () => Promise.reject(new Error('EIO'));
  await rejects(saveModel(directory, model(), { write }), 'checkpoint/write', /EIO/);
  assert.deepEqual(readdirSync(join(root, 'out')), []);
});

test('a place that cannot be a directory is told', async () => {
  writeFileSync(join(root, 'out'), 'a file');
  await rejects(saveModel(directory, model()), 'checkpoint/write', /could not be saved/);
});

test('a directory with files of somebody else is not replaced', async () => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'thesis.tex'), 'years of work');
  await rejects(saveModel(directory, model()), 'checkpoint/write', /thesis\.tex.*another directory/);
  assert.ok(existsSync(join(directory, 'thesis.tex')));
});

test('what a killed save left behind is cleaned, and the model it had moved aside comes back', async () => {
  await saveModel(directory, model());
  const torn = join(root, 'out', '.model.saving');
  mkdirSync(torn);
  writeFileSync(join(torn, 'group1-shard1of1.bin'), 'torn');
  renameSync(directory, join(root, 'out', '.model.previous'));
  assert.deepEqual((await loadModel(directory)).metadata, model().metadata);
  await saveModel(directory, model(3));
  assert.deepEqual(readdirSync(join(root, 'out')), ['model']);
  assert.deepEqual((await loadModel(directory)).weights, model(3).weights);
});
