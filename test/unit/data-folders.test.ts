import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PNG } from 'pngjs';
import { type Dataset, datasets } from '../../shared/job/index.ts';
import { openSource, type Source } from '../../worker/data/index.ts';
import { wav } from '../support/application-data.ts';
import { dataDirectory, readSample } from '../support/data-fixtures.ts';
import { rejected } from '../support/thrown.ts';

/** Opens `dataset` over a directory of the given files. */
async function open(t: TestContext, files: Readonly<Record<string, Uint8Array>>, dataset: Dataset): Promise<Source> {
  const { path } = dataDirectory(t);
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), bytes);
  }
  const source = await openSource(dataset.describe(), { directory: path });
  t.after(() => source.close?.());
  return source;
}

/** One colour. */
function png(height: number, width: number, rgba: readonly number[]): Buffer {
  const image = new PNG({ height, width });
  for (let pixel = 0; pixel < height * width; pixel++) image.data.set(rgba, 4 * pixel);
  return PNG.sync.write(image);
}

const red = png(2, 2, [200, 100, 50, 255]);
const none = Buffer.alloc(0);

test('a folder of images: classes by name, samples class by class, other files left out', async (t) => {
  const files = {
    'b/1.png': red,
    'a/2.PNG': png(1, 1, [1, 2, 3, 9]),
    'a/10.png': red,
    'a/notes.txt': none,
    'a/.x.png': none,
  };
  const folder = datasets.imageFolder({ imageSize: [1, 1] });
  const source = await open(t, files, folder);
  assert.deepEqual(source.inputs, [{ shape: [1, 1, 3], dtype: 'float32' }]);
  assert.deepEqual(
    Array.from({ length: source.size }, (_, index) => readSample(source, index)),
    [
      { input: [200, 100, 50], target: [0] },
      { input: [1, 2, 3], target: [0] },
      { input: [200, 100, 50], target: [1] },
    ],
  );
  const grey = await open(
    t,
    files,
    datasets.imageFolder({ imageSize: [1, 1], colorMode: 'grayscale', classes: ['b', 'a'] }),
  );
  const { input, target } = readSample(grey, 0);
  assert.deepEqual([input.length, target], [1, [0]]);
  assert.ok(Math.abs((input[0] ?? 0) - (0.2989 * 200 + 0.587 * 100 + 0.114 * 50)) < 1e-4);
  const opacity = await open(t, files, datasets.imageFolder({ imageSize: [1, 1], colorMode: 'rgba' }));
  assert.deepEqual(readSample(opacity, 1).input, [1, 2, 3, 9]);
});

test('a clip is so many of its frames, evenly spaced and in the order of their numbers', async (t) => {
  const frames = Object.fromEntries(
    Array.from({ length: 12 }, (_, frame) => [`left/clip/frame${frame}.png`, png(1, 1, [frame, 0, 0, 255])]),
  );
  const options = { frames: 4, imageSize: [1, 1], colorMode: 'rgb' } as const;
  const source = await open(t, frames, datasets.frameFolder(options));
  assert.deepEqual(source.inputs, [{ shape: [4, 1, 1, 3], dtype: 'float32' }]);
  assert.deepEqual(readSample(source, 0).input, [0, 0, 0, 3, 0, 0, 6, 0, 0, 9, 0, 0]);
  const few = open(t, frames, datasets.frameFolder({ ...options, frames: 13 }));
  assert.match((await rejected('data/corrupt', few)).message, /clip holds 12 frames .*expected at least 13/);
});

const sound = wav(Int16Array.of(0, 16384, -32768), 8000);

test('sounds: shorter clips end in silence, longer ones are cut', async (t) => {
  const files = { 'a/1.wav': sound, 'a/2.wav': wav(Int16Array.of(8192), 8000) };
  const longest = await open(t, files, datasets.audioFolder());
  assert.deepEqual(
    [readSample(longest, 0).input, readSample(longest, 1).input],
    [
      [0, 0.5, -1],
      [0.25, 0, 0],
    ],
  );
  const cut = await open(t, files, datasets.audioFolder({ length: 2, sampleRate: 8000 }));
  assert.deepEqual(readSample(cut, 0).input, [0, 0.5]);
});

type Code = 'data/corrupt' | 'data/empty' | 'data/missing' | 'data/shape' | 'job/invalid';
const images = datasets.imageFolder({ imageSize: [1, 1] });
const sounds = datasets.audioFolder();
const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array =>
  Uint8Array.from(bytes).fill(value, at, at + 1);
const mel = { frameLength: 2, frameStep: 1, mel: { bands: 2, upperHz: 4000 } };
const refused: readonly (readonly [string, Readonly<Record<string, Uint8Array>>, Dataset, Code, RegExp])[] = [
  ['no folders', {}, images, 'data/empty', /holds no JPEG or PNG files; expected a folder for each class/],
  ['folders without images', { 'a/x.txt': red }, images, 'data/empty', /holds no JPEG or PNG files/],
  ['no such folder', {}, datasets.imageFolder({ folder: 'train' }), 'data/missing', /train is no directory/],
  [
    'a missing class',
    { 'a/1.png': red },
    datasets.imageFolder({ classes: ['a', 'b'] }),
    'data/missing',
    /has no folder b/,
  ],
  [
    'an image that is none',
    { 'a/1.png': Buffer.from('GIF89a') },
    images,
    'data/corrupt',
    /1\.png cannot be read as an image: it is neither/,
  ],
  ['a sound that is none', { 'a/1.wav': red }, sounds, 'data/corrupt', /1\.wav byte 0: .*not those of a WAV file/],
  [
    'a cut sound',
    { 'a/1.wav': sound.subarray(0, 46) },
    sounds,
    'data/corrupt',
    /byte 46: the file ends, expected 6 bytes of samples/,
  ],
  [
    'a sound without samples',
    { 'a/1.wav': sound.subarray(0, 36) },
    sounds,
    'data/corrupt',
    /expected a chunk of samples/,
  ],
  [
    'a sound of another kind',
    { 'a/1.wav': changed(sound, 20, 2) },
    sounds,
    'data/corrupt',
    /byte 20: format 2 with 16 bits, .*ffmpeg/,
  ],
  [
    'another sample rate',
    { 'a/1.wav': sound, 'a/2.wav': wav(Int16Array.of(1), 16000) },
    sounds,
    'data/shape',
    /2\.wav has 1 channels at 16000 Hz, expected 1 at 8000 Hz/,
  ],
  [
    'too short sounds',
    { 'a/1.wav': sound },
    sounds.spectrogram({ frameLength: 4, frameStep: 1 }),
    'data/shape',
    /a frame has 4 samples, but a sound only 3/,
  ],
  [
    'a mel scale beyond the sound',
    { 'a/1.wav': wav(Int16Array.of(1, 2), 4000) },
    sounds.spectrogram(mel),
    'job/invalid',
    /mel\.upperHz 4000 is above 2000 Hz/,
  ],
  ['images as sound', { 'a/1.png': red }, images.spectrogram(mel), 'data/shape', /spectrogram needs float32 sound/],
];
for (const [what, files, dataset, code, message] of refused) {
  test(`${what}: an error when the data set is opened`, async (t) => {
    assert.match((await rejected(code, open(t, files, dataset))).message, message);
  });
}

test('an image that is cut after its start is an error with its file when it is read', async (t) => {
  const source = await open(t, { 'a/1.png': red.subarray(0, -20) }, images);
  const reading = (async () => readSample(source, 0))();
  assert.match((await rejected('data/corrupt', reading)).message, /1\.png cannot be read as an image/);
});
