import { join } from 'node:path';
import { at, LockstepError } from '../../../shared/core/index.ts';
import type { DatasetDescription, SplitOptions } from '../../../shared/job/index.ts';
import { downloadedDirectory } from '../downloads/downloaded-directory.ts';
import { DataFile, type FileNeeds, listFiles } from '../files/data-files.ts';
import type { OpenContext, Source } from '../source.ts';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const PIXELS = 3 * PLANE;
const RECORD = 1 + PIXELS;
const CLASSES = 10;

const needs: Readonly<Record<SplitOptions['split'], FileNeeds>> = {
  train: { name: 'CIFAR-10', folder: 'cifar-10-batches-bin', contents: 'data_batch_1.bin to data_batch_5.bin' },
  test: { name: 'CIFAR-10', folder: 'cifar-10-batches-bin', contents: 'test_batch.bin' },
};

/**
 * The binary layout of cs.toronto.edu/~kriz/cifar.html: records of 1 label byte and 3072 pixel bytes, which are the
 * red, the green and the blue plane, each row by row. Delivered as [32, 32, 3].
 * @throws LockstepError data/missing, data/corrupt
 */
export async function openCifar10(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const { split } = description.options as unknown as SplitOptions;
  const need = needs[split];
  const directory = await downloadedDirectory('cifar10', description.location, context);
  const pattern = split === 'train' ? /^data_batch_\d+\.bin$/ : /^test_batch\.bin$/;
  const names = listFiles(directory).filter((name) => pattern.test(name));
  if (names.length === 0) {
    throw new LockstepError(
      'data/missing',
      `${directory} holds no ${need.contents}; give CIFAR-10's directory by --data`,
      {
        details: { directory },
      },
    );
  }
  const files: DataFile[] = [];
  try {
    for (const name of names) files.push(new DataFile(join(directory, name), need));
    return new Cifar10(files);
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

class Cifar10 implements Source {
  readonly size: number;
  readonly inputs = [{ shape: [SIDE, SIDE, 3], dtype: 'float32' }] as const;
  readonly targets = [{ shape: [1], dtype: 'float32' }] as const;
  readonly labels: Uint8Array;
  readonly #files: readonly DataFile[];
  /** Number of the first record of each file, and the total. */
  readonly #starts: readonly number[];
  readonly #record = new Uint8Array(RECORD);

  constructor(files: readonly DataFile[]) {
    const starts = [0];
    for (const file of files) starts.push(at(starts, starts.length - 1) + countRecords(file));
    this.#files = files;
    this.#starts = starts;
    this.size = at(starts, files.length);
    this.labels = new Uint8Array(this.size);
    for (const [index, file] of files.entries()) {
      readLabels(file, this.labels.subarray(starts[index], starts[index + 1]));
    }
  }

  read(index: number, inputs: readonly Float32Array[], targets: readonly Float32Array[]): void {
    const fileIndex = this.#starts.findLastIndex((start) => start <= index);
    const record = index - at(this.#starts, fileIndex);
    at(this.#files, fileIndex).read(this.#record, record * RECORD);
    at(targets, 0)[0] = at(this.labels, index);
    const image = at(inputs, 0);
    const bytes = this.#record;
    for (let pixel = 0, out = 0; pixel < PLANE; pixel++) {
      // In range by construction; a check per pixel would cost more than the copy.
      image[out++] = bytes[1 + pixel] as number;
      image[out++] = bytes[1 + PLANE + pixel] as number;
      image[out++] = bytes[1 + 2 * PLANE + pixel] as number;
    }
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

function countRecords(file: DataFile): number {
  if (file.size === 0) file.fail(0, 'the file is empty');
  const records = Math.floor(file.size / RECORD);
  if (records * RECORD === file.size) return records;
  throw new LockstepError(
    'data/corrupt',
    `${file.path}: ${file.size} bytes, not a multiple of ${RECORD} (1 label + ${PIXELS} pixels); ` +
      `record ${records} starts at byte ${records * RECORD} and is cut after ${file.size - records * RECORD} bytes`,
    { details: { file: file.path, byte: file.size } },
  );
}

/** Reads the whole file once, in pieces of about 1 MiB: a wrong label must be known before training, not during. */
function readLabels(file: DataFile, labels: Uint8Array): void {
  const recordsPerPiece = 340;
  const piece = new Uint8Array(recordsPerPiece * RECORD);
  for (let first = 0; first < labels.length; first += recordsPerPiece) {
    const count = Math.min(recordsPerPiece, labels.length - first);
    file.read(piece.subarray(0, count * RECORD), first * RECORD);
    for (let record = 0; record < count; record++) {
      const label = at(piece, record * RECORD);
      if (label >= CLASSES) {
        file.fail(
          (first + record) * RECORD,
          `label ${label} of record ${first + record}, expected 0 to ${CLASSES - 1}`,
        );
      }
      labels[first + record] = label;
    }
  }
}
