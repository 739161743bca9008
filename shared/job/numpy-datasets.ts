import { LockstepError } from '../core/index.ts';
import { checkCount, show } from './checks.ts';
import type { Dataset } from './dataset.ts';
import { checkFileName, type Directory, describe } from './describe-dataset.ts';

export interface NumpyOptions {
  /** Archive that holds the arrays; null where each is a file. */
  readonly archive: string | null;
  /** Names in the archive, or of files. */
  readonly inputs: readonly string[];
  readonly targets: readonly string[];
  readonly classes: number | null;
}

export interface NumpyArrays {
  readonly inputs: string | readonly string[];
  readonly targets: string | readonly string[];
  /** Checks that the target is a class number of 0 to classes − 1 when the data set is opened. */
  readonly classes?: number;
  readonly directory?: Directory;
}

/** NumPy's files. The first dimension counts the samples; floats, bytes and targets become float32, integers int32. */
export const numpyDatasets = {
  /** A `.npy` file for each input and target. */
  npy(options: NumpyArrays): Dataset {
    return arrays('npy', null, options);
  },

  /** Arrays in one `.npz` file, by their names: `npz({ file: 'mnist.npz', inputs: 'x_train', targets: 'y_train' })`. */
  npz(options: NumpyArrays & { readonly file: string }): Dataset {
    checkFileName('npz: file', options?.file);
    return arrays('npz', options.file, options);
  },
};

function arrays(kind: string, archive: string | null, options: NumpyArrays): Dataset {
  const { classes = null, directory } = options;
  const [inputs, targets] = [names(kind, 'inputs', options.inputs), names(kind, 'targets', options.targets)];
  if (classes !== null) checkCount(`${kind}: classes`, classes);
  return describe('numpy', { archive, inputs, targets, classes } satisfies NumpyOptions, directory);
}

function names(kind: string, field: string, given: unknown): readonly string[] {
  const list: unknown[] = [given].flat();
  if (list.length > 0 && list.every((name) => typeof name === 'string' && name !== '')) return list as string[];
  throw new LockstepError('job/invalid', `${kind}: ${field} must be a name or several, got ${show(given)}.`);
}
