import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { at, LockstepError } from '../../../shared/core/index.ts';
import type { DatasetDescription, IdxOptions, SplitOptions, TensorSpec } from '../../../shared/job/index.ts';
import { downloadedDirectory } from '../downloads/downloaded-directory.ts';
import { type DataFile, type FileNeeds, findDirectory } from '../files/data-files.ts';
import { openUnpacked } from '../files/unpacked-file.ts';
import type { OpenContext, Source } from '../source.ts';
import { reshapeInputs } from '../transforms/reshape.ts';

/** Element types of the format, by their code in the third byte. */
const typeNames: Readonly<Record<number, string>> = {
  8: 'unsigned bytes',
  9: 'signed bytes',
  11: '16-bit integers',
  12: '32-bit integers',
  13: '32-bit floats',
  14: '64-bit floats',
};
const UNSIGNED_BYTE = 8;

/**
 * The IDX format of yann.lecun.com/exdb/mnist: bytes 0, 0, element type, number of dimensions, then each dimension as
 * a big-endian 32-bit number, then the elements, last dimension fastest. Packed files are unpacked.
 * @throws LockstepError data/missing, data/corrupt
 */
export function openIdx(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const options = description.options as unknown as IdxOptions;
  const needs: FileNeeds = { name: 'this IDX data set', contents: `${options.images} and ${options.labels}` };
  return openPair(findDirectory(description.location, context.directory, needs), options, needs);
}

/** Fashion-MNIST's four files, in Keras's shape: without a channel. */
export async function openFashionMnist(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const { split } = description.options as unknown as SplitOptions;
  const prefix = split === 'train' ? 'train' : 't10k';
  const options = { images: `${prefix}-images-idx3-ubyte`, labels: `${prefix}-labels-idx1-ubyte`, classes: 10 };
  const needs: FileNeeds = {
    name: 'Fashion-MNIST',
    contents: `${options.images} and ${options.labels}, or these as .gz`,
  };
  const directory = await downloadedDirectory('fashionMnist', description.location, context);
  const source = await openPair(directory, options, needs);
  return reshapeInputs(source, [28, 28]);
}

async function openPair(directory: string, options: IdxOptions, needs: FileNeeds): Promise<Source> {
  const files: DataFile[] = [];
  const open = async (name: string): Promise<DataFile> => {
    const path = join(directory, name);
    const file = await openUnpacked(existsSync(path) || !existsSync(`${path}.gz`) ? path : `${path}.gz`, needs);
    files.push(file);
    return file;
  };
  try {
    return new Idx(await open(options.images), await open(options.labels), options.classes);
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

class Idx implements Source {
  readonly size: number;
  readonly inputs: readonly TensorSpec[];
  readonly targets = [{ shape: [1], dtype: 'float32' }] as const;
  readonly labels: Uint8Array;
  readonly #images: DataFile;
  readonly #firstImage: number;
  readonly #image: Uint8Array;

  constructor(images: DataFile, labels: DataFile, classes: number) {
    const imageHeader = readHeader(images, [3, 4]);
    const labelHeader = readHeader(labels, [1]);
    this.size = at(imageHeader.dimensions, 0);
    const labelCount = at(labelHeader.dimensions, 0);
    if (labelCount !== this.size) {
      labels.fail(4, `${labelCount} labels, expected ${this.size}, one per image of ${images.name}`);
    }
    const [height = 0, width = 0, channels = 1] = imageHeader.dimensions.slice(1);
    this.inputs = [{ shape: [height, width, channels], dtype: 'float32' }];
    this.#images = images;
    this.#firstImage = imageHeader.bytes;
    this.#image = new Uint8Array(height * width * channels);
    this.labels = new Uint8Array(labelCount);
    labels.read(this.labels, labelHeader.bytes);
    const wrong = this.labels.findIndex((label) => label >= classes);
    if (wrong >= 0) {
      labels.fail(labelHeader.bytes + wrong, `label ${this.labels[wrong]}, expected 0 to ${classes - 1}`);
    }
    labels.close();
  }

  read(index: number, inputs: readonly Float32Array[], targets: readonly Float32Array[]): void {
    this.#images.read(this.#image, this.#firstImage + index * this.#image.length);
    at(inputs, 0).set(this.#image);
    at(targets, 0)[0] = at(this.labels, index);
  }

  close(): void {
    this.#images.close();
  }
}

interface Header {
  readonly dimensions: readonly number[];
  /** Length of the header itself. */
  readonly bytes: number;
}

function readHeader(file: DataFile, ranks: readonly number[]): Header {
  if (file.size < 4) file.fail(file.size, 'the file ends, expected a header of at least 8 bytes');
  const magic = new Uint8Array(4);
  file.read(magic, 0);
  const [first = 0, second = 0, type = 0, rank = 0] = magic;
  if (first !== 0 || second !== 0) file.fail(0, `bytes ${first}, ${second}, expected 0, 0, the start of an IDX file`);
  if (type !== UNSIGNED_BYTE) {
    file.fail(2, `element type ${type} (${typeNames[type] ?? 'unknown'}), expected ${UNSIGNED_BYTE} (unsigned bytes)`);
  }
  if (!ranks.includes(rank)) file.fail(3, `${rank} dimensions, expected ${ranks.join(' or ')}`);
  const bytes = 4 + 4 * rank;
  const sizes = new DataView(new ArrayBuffer(4 * rank));
  file.read(new Uint8Array(sizes.buffer), 4);
  const dimensions = Array.from({ length: rank }, (_, index) => sizes.getUint32(4 * index));
  const elements = dimensions.reduce((product, size) => product * size, 1);
  if (elements === 0) throw new LockstepError('data/empty', `${file.path} holds no samples: ${dimensions.join(' × ')}`);
  const expected = bytes + elements;
  if (expected !== file.size) {
    const where = Math.min(expected, file.size);
    file.fail(
      where,
      `the file has ${file.size} bytes, expected ${expected} for ${dimensions.join(' × ')} and its header`,
    );
  }
  return { dimensions, bytes };
}
