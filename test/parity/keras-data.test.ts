import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Dataset, datasets } from '../../shared/job/index.ts';
import {
  type MatrixMode,
  type PadOptions,
  preprocessing,
  type TokenizerOptions,
} from '../../shared/preprocessing/index.ts';
import { openSource } from '../../worker/data/index.ts';
import { adjustContrast, warp } from '../../worker/data/transforms/image-changes.ts';
import { dataDirectory, readSample } from '../support/data-fixtures.ts';
import { repositoryRoot } from '../support/repository.ts';

/** Written by test/parity/keras_data.py. */
const files = join(repositoryRoot, 'test/parity/goldens/data');
const goldens = JSON.parse(readFileSync(join(repositoryRoot, 'test/parity/goldens/data.json'), 'utf8')) as Goldens;

interface Goldens {
  readonly sequences: readonly {
    readonly dataset: 'reuters' | 'imdb';
    readonly arguments: Readonly<Record<string, number | null>>;
    readonly train: readonly number[][];
    readonly trainLabels: readonly number[];
    readonly test: readonly number[][];
    readonly testLabels: readonly number[];
  }[];
  readonly pads: readonly {
    readonly sequences: readonly (readonly number[])[];
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly padded: readonly unknown[];
  }[];
  readonly tokenizers: {
    readonly texts: readonly string[];
    readonly unseen: readonly string[];
    readonly cases: readonly ({
      readonly arguments: Readonly<Record<string, unknown>>;
      readonly wordIndex: readonly (readonly [string, number])[];
      readonly sequences: readonly number[][];
    } & Readonly<Record<MatrixMode, readonly number[][]>>)[];
  };
  readonly spectrograms: {
    readonly sound: readonly number[];
    readonly sampleRate: number;
    readonly cases: readonly {
      readonly frameLength: number;
      readonly frameStep: number;
      readonly fftLength: number;
      readonly shape: readonly number[];
      readonly magnitude: readonly number[];
      readonly logMel: readonly number[];
    }[];
  };
  readonly imageChanges: {
    readonly shape: readonly [number, number, number];
    readonly image: readonly number[];
    readonly rotations: readonly {
      readonly turns: number;
      readonly fillMode: 'reflect' | 'nearest' | 'constant';
      readonly values: readonly number[];
    }[];
    readonly contrast: readonly { readonly factor: number; readonly values: readonly number[] }[];
  };
  readonly normalization: {
    readonly shape: readonly number[];
    readonly values: readonly number[];
    readonly normalized: readonly number[];
  };
  readonly wav: { readonly sampleRate: number; readonly values: readonly number[] };
  readonly images: Readonly<
    Record<
      'png' | 'jpg',
      { readonly shape: readonly number[]; readonly rgb: readonly number[]; readonly resized: readonly number[] }
    >
  >;
}

const names: Readonly<Record<string, string>> = {
  num_words: 'numWords',
  skip_top: 'skipTop',
  maxlen: 'maxLen',
  start_char: 'startChar',
  oov_char: 'oovChar',
  index_from: 'indexFrom',
  test_split: 'testSplit',
  oov_token: 'oovToken',
  char_level: 'charLevel',
};

function camelCase(pythonArguments: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(pythonArguments).map(([name, value]) => [names[name] ?? name, value]));
}

async function allSequences(dataset: Dataset): Promise<{ sequences: number[][]; labels: number[] }> {
  // The longest sequence has 12 words and a start mark; what is padded is cut off again by its mark.
  const source = await openSource(dataset.padSequences({ maxLen: 16, padding: 'post', value: -1 }).describe(), {
    directory: files,
  });
  const samples = Array.from({ length: source.size }, (_, index) => readSample(source, index));
  source.close?.();
  return {
    sequences: samples.map(({ input }) => input.filter((word) => word !== -1)),
    labels: samples.map(({ target }) => target[0] as number),
  };
}

for (const golden of goldens.sequences) {
  test(`${golden.dataset} with ${JSON.stringify(golden.arguments)} is what Keras's load_data gives`, async () => {
    const options = camelCase(golden.arguments);
    const train = await allSequences(datasets[golden.dataset]({ split: 'train', ...options }));
    assert.deepEqual(train, { sequences: golden.train, labels: golden.trainLabels });
    const rest = await allSequences(datasets[golden.dataset]({ split: 'test', ...options }));
    assert.deepEqual(rest, { sequences: golden.test, labels: golden.testLabels });
  });
}

test('padSequences is Keras’s pad_sequences, in memory and as a transform', async () => {
  for (const { sequences, arguments: given, padded } of goldens.pads) {
    const options = camelCase(given) as PadOptions;
    const { values, shape } = preprocessing.padSequences(sequences, options);
    assert.deepEqual([...values], padded.flat(2), JSON.stringify(given));
    assert.equal(values.length, sequences.length * shape.reduce((product, size) => product * size, 1));
    assert.equal(values instanceof Float32Array, options.dtype === 'float32');
  }
});

test('Tokenizer is Keras’s Tokenizer: word numbers, sequences and matrices', () => {
  const { texts, unseen, cases } = goldens.tokenizers;
  for (const golden of cases) {
    const tokenizer = new preprocessing.Tokenizer(camelCase(golden.arguments) as TokenizerOptions);
    tokenizer.fitOnTexts(texts);
    const message = JSON.stringify(golden.arguments);
    assert.deepEqual([...tokenizer.wordIndex], golden.wordIndex, message);
    assert.deepEqual(tokenizer.textsToSequences(unseen), golden.sequences, message);
    for (const mode of ['binary', 'count', 'freq'] as const) {
      const rows = tokenizer.sequencesToMatrix(golden.sequences, mode).map((row) => [...row]);
      assert.deepEqual(
        rows,
        golden[mode].map((row) => row.map(Math.fround)),
        `${message} ${mode}`,
      );
    }
  }
});

function assertClose(actual: ArrayLike<number>, expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  for (const [index, value] of expected.entries()) {
    const found = actual[index] as number;
    assert.ok(Math.abs(found - value) <= tolerance, `${what}: value ${index} is ${found}, expected ${value}`);
  }
}

const { sound, sampleRate, cases } = goldens.spectrograms;
for (const golden of cases) {
  const { frameLength, frameStep, fftLength, shape, magnitude, logMel } = golden;
  test(`frames of ${frameLength} every ${frameStep} have TensorFlow's spectrogram and mel bands`, async (t) => {
    const directory = soundFolder(t, sound, sampleRate);
    const clips = datasets.audioFolder({ directory });
    const options = { frameLength, frameStep, fftLength };
    const source = await openSource(clips.spectrogram(options).describe(), { directory: undefined });
    assert.deepEqual(source.inputs, [{ shape: [...shape, 1], dtype: 'float32' }]);
    // TensorFlow transforms in float32: sums of 64 values below 1, each rounded to 6e-8.
    assertClose(readSample(source, 0).input, magnitude, 4e-6, 'magnitude');
    const mel = clips.spectrogram({ ...options, mel: { bands: 8 }, log: true });
    const bands = readSample(await openSource(mel.describe(), { directory: undefined }), 0).input;
    // Values of at least 1e-3 here, so that their logarithms differ by 1e-3 of the values' error at most.
    assertClose(bands, logMel, 1e-3, 'log mel');
  });
}

function soundFolder(t: TestContext, samples: readonly number[], rate: number): string {
  const directory = dataDirectory(t);
  mkdirSync(join(directory.path, 'only'));
  const view = new DataView(new ArrayBuffer(44 + 4 * samples.length));
  const text = (at: number, value: string): void => {
    for (const [index, character] of [...value].entries()) view.setUint8(at + index, character.charCodeAt(0));
  };
  text(0, 'RIFF');
  view.setUint32(4, view.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  for (const [at, value] of [
    [16, 16],
    [24, rate],
    [28, 4 * rate],
  ] as const)
    view.setUint32(at, value, true);
  for (const [at, value] of [
    [20, 3],
    [22, 1],
    [32, 4],
    [34, 32],
  ] as const)
    view.setUint16(at, value, true);
  text(36, 'data');
  view.setUint32(40, 4 * samples.length, true);
  for (const [index, value] of samples.entries()) view.setFloat32(44 + 4 * index, value, true);
  directory.write('only/sound.wav', new Uint8Array(view.buffer));
  return directory.path;
}

test('a WAV file of 16-bit samples decodes as by TensorFlow', async (t) => {
  const directory = dataDirectory(t);
  mkdirSync(join(directory.path, 'only'));
  copyFileSync(join(files, 'stereo.wav'), join(directory.path, 'only', 'stereo.wav'));
  const clips = datasets.audioFolder({ directory: directory.path, channels: 2, sampleRate: goldens.wav.sampleRate });
  const source = await openSource(clips.describe(), { directory: undefined });
  assert.deepEqual(source.inputs, [{ shape: [50, 2], dtype: 'float32' }]);
  assert.deepEqual(readSample(source, 0).input, goldens.wav.values.map(Math.fround));
});

for (const [kind, tolerance] of [
  ['png', 0],
  // JPEG leaves rounding to the decoder: one step in each of the two conversions.
  ['jpg', 2],
] as const) {
  test(`an image of kind ${kind} decodes as by TensorFlow, to ${tolerance} steps of 255, and is resized as there`, async (t) => {
    const golden = goldens.images[kind];
    const directory = dataDirectory(t);
    mkdirSync(join(directory.path, 'only'));
    copyFileSync(join(files, `picture.${kind}`), join(directory.path, 'only', `picture.${kind}`));
    const read = async (height: number, width: number): Promise<number[]> => {
      const folder = datasets.imageFolder({ directory: directory.path, imageSize: [height, width] });
      return readSample(await openSource(folder.describe(), { directory: undefined }), 0).input;
    };
    const [height = 0, width = 0] = golden.shape;
    assertClose(await read(height, width), golden.rgb, tolerance, 'pixels');
    assertClose(await read(9, 11), golden.resized, tolerance + 1e-4, 'resized');
  });
}

test('a turned image is what Keras’s RandomRotation makes of the same angle', () => {
  const { shape, image, rotations } = goldens.imageChanges;
  const [height, width, channels] = shape;
  const frame = { height, width, channels };
  for (const { turns, fillMode, values } of rotations) {
    const [cosine, sine] = [Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)];
    const turned = new Float32Array(image.length);
    warp({ cosine, sine, down: 0, across: 0 }, { fillMode, fillValue: 7 })(Float32Array.from(image), turned, frame);
    // Places are computed in float32 there: 1e-6 of a pixel, times the difference of neighbours.
    assertClose(turned, values, 2e-3, `${turns} turns, ${fillMode}`);
  }
});

test('contrast is TensorFlow’s adjust_contrast', () => {
  const { shape, image, contrast } = goldens.imageChanges;
  const [height, width, channels] = shape;
  for (const { factor, values } of contrast) {
    const changed = new Float32Array(image.length);
    adjustContrast(factor)(Float32Array.from(image), changed, { height, width, channels });
    assertClose(changed, values, 1e-3, `factor ${factor}`);
  }
});

test('normalize adapts as Keras’s Normalization', async () => {
  const { shape, values, normalized } = goldens.normalization;
  const samples = values.length / shape.reduce((product, size) => product * size, 1);
  const images = datasets.arrays({
    inputs: { values, shape },
    targets: { values: new Array<number>(samples).fill(0), shape: [1] },
  });
  const source = await openSource(images.normalize({ adaptTo: images }).describe(), { directory: undefined });
  const all = Array.from({ length: samples }, (_, index) => readSample(source, index).input).flat();
  assertClose(all, normalized, 1e-5, 'normalized');
});
