import { join } from 'node:path';
import { at, LockstepError } from '../../../shared/core/index.ts';
import type { DatasetDescription, NumpyOptions, SplitOptions, TensorSpec } from '../../../shared/job/index.ts';
import { downloadedDirectory } from '../downloads/downloaded-directory.ts';
import { DataFile, type FileNeeds, findDirectory } from '../files/data-files.ts';
import { openZipEntries } from '../files/zip-entries.ts';
import { type NpyArray, openNpy, RowReader } from '../numpy/npy-array.ts';
import type { OpenContext, Source } from '../source.ts';
import { readLabels } from './labels.ts';

/** `.npy` files, or the arrays of an `.npz` archive. @throws LockstepError data/missing, data/corrupt, data/empty */
export async function openNumpy(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const options = description.options as unknown as NumpyOptions;
  const { archive } = options;
  const names = [...options.inputs, ...options.targets];
  const needs: FileNeeds = { name: 'this NumPy data set', contents: archive ?? names.join(', ') };
  const directory = findDirectory(description.location, context.directory, needs);
  return openArrays(archive === null ? null : join(directory, archive), directory, options, needs);
}

/** @param archive path of an `.npz` file; null where each array is a file in `directory` */
async function openArrays(
  archive: string | null,
  directory: string,
  options: Omit<NumpyOptions, 'archive'>,
  needs: FileNeeds,
): Promise<Source> {
  const names = [...options.inputs, ...options.targets];
  const files =
    archive === null
      ? openFiles(
          names.map((name) => join(directory, name)),
          needs,
        )
      : await openZipEntries(
          archive,
          names.map((name) => `${name}.npy`),
          needs,
        );
  const close = (): void => {
    for (const file of files) file.close();
  };
  try {
    return { ...sourceOf(files.map(openNpy), options), close };
  } catch (error) {
    close();
    throw error;
  }
}

function openFiles(paths: readonly string[], needs: FileNeeds): DataFile[] {
  const files: DataFile[] = [];
  try {
    for (const path of paths) files.push(new DataFile(path, needs));
    return files;
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

function sourceOf(arrays: readonly NpyArray[], options: Omit<NumpyOptions, 'archive'>): Source {
  const size = countSamples(arrays);
  const inputs = arrays.slice(0, options.inputs.length);
  const targets = arrays.slice(options.inputs.length);
  const inputRows = inputs.map((array) => new RowReader(array));
  const targetRows = targets.map((array) => new RowReader(array));
  const label = options.classes === null ? undefined : at(targetRows, 0);
  if (label !== undefined && (targets.length !== 1 || label.length !== 1)) {
    at(targets, 0).bytes.fail(10, `shape ${at(targets, 0).shape.join(' × ')}, expected one class number per sample`);
  }
  const labels = label === undefined ? {} : { labels: readLabels(at(targets, 0), label, options.classes as number) };
  return {
    size,
    inputs: inputs.map(({ shape, type }) => ({ shape: sampleShape(shape), dtype: type?.dtype ?? 'float32' })),
    targets: targets.map(({ shape }): TensorSpec => ({ shape: sampleShape(shape), dtype: 'float32' })),
    ...labels,
    read(index, inputViews, targetViews) {
      for (const [input, rows] of inputRows.entries()) rows.read(index, at(inputViews, input));
      for (const [target, rows] of targetRows.entries()) rows.read(index, at(targetViews, target));
    },
  };
}

function sampleShape(shape: readonly number[]): readonly number[] {
  return shape.length === 1 ? [1] : shape.slice(1);
}

function countSamples(arrays: readonly NpyArray[]): number {
  const first: NpyArray = at(arrays, 0);
  const { bytes, shape } = first;
  const size = shape[0];
  if (size === undefined) first.bytes.fail(10, 'the array has no dimensions, expected samples in the first');
  const other = arrays.find((array) => array.shape[0] !== size);
  if (other !== undefined) {
    throw new LockstepError(
      'data/shape',
      `${bytes.path} holds ${size} samples, but ${other.bytes.path} holds ${other.shape[0] ?? 'a single value'}`,
    );
  }
  if (arrays.every((array) => array.shape.every((length) => length > 0))) return size;
  throw new LockstepError('data/empty', `${bytes.path} holds no samples: ${shape.join(' × ')}`);
}

/** Keras's `mnist.npz`. */
export async function openMnist(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const { split } = description.options as unknown as SplitOptions;
  const directory = await downloadedDirectory('mnist', description.location, context);
  const needs: FileNeeds = { name: 'MNIST', contents: 'mnist.npz' };
  const options = { inputs: [`x_${split}`], targets: [`y_${split}`], classes: 10 };
  return openArrays(join(directory, 'mnist.npz'), directory, options, needs);
}
