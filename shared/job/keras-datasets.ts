import { LockstepError } from '../core/index.ts';
import { checkBetween, checkCount, checkNatural } from './checks.ts';
import type { Dataset } from './dataset.ts';
import { type Directory, describe } from './describe-dataset.ts';
import { resolveName } from './names.ts';

export interface SplitOptions {
  readonly split: 'train' | 'test';
}

export interface KerasData extends SplitOptions {
  /** Directory of the files. Without one, and without `--data`, they are downloaded once into the user's cache. */
  readonly directory?: Directory;
}

/** Arguments of Keras's `load_data` for sequences of word numbers, with its defaults. */
export interface SequenceArguments {
  /** Only words below this number; all when null. */
  readonly numWords?: number | null;
  /** Not the most frequent words, whose numbers are below this. Default 0. */
  readonly skipTop?: number;
  /** Sequences of this length or longer are left out; none when null. */
  readonly maxLen?: number | null;
  /** Of the order of samples, drawn as NumPy does. Default 113. */
  readonly seed?: number;
  /** Begins every sequence; null for none. Default 1. */
  readonly startChar?: number | null;
  /** In place of words that are left out; null drops them. Default 2. */
  readonly oovChar?: number | null;
  /** Added to every word's number. Default 3. */
  readonly indexFrom?: number;
}

/** What the reader of sequences gets: every default filled in. `testSplit` is null where the file holds two splits. */
export interface SequenceOptions extends Required<SequenceArguments>, SplitOptions {
  readonly testSplit: number | null;
}

/** Keras's data sets, with its shapes, label order and arguments. */
export const kerasDatasets = {
  /**
   * CIFAR-10 (Krizhevsky, 2009) in its binary layout. Input [32, 32, 3] float32, 0 to 255; target [1], class 0 to 9.
   * `train` is every `data_batch_N.bin` that is there, `test` is `test_batch.bin`.
   */
  cifar10(options: KerasData): Dataset {
    return images('cifar10', options);
  },

  /** Handwritten digits, from `mnist.npz`. Input [28, 28] float32, 0 to 255; target [1], class 0 to 9. */
  mnist(options: KerasData): Dataset {
    return images('mnist', options);
  },

  /** Clothes in MNIST's format, from its four files. Input [28, 28] float32, 0 to 255; target [1], class 0 to 9. */
  fashionMnist(options: KerasData): Dataset {
    return images('fashionMnist', options);
  },

  /**
   * Reuters newswires of 46 topics as sequences of word numbers, from `reuters.npz`; `padSequences` gives them one
   * length. Target [1], class 0 to 45.
   */
  reuters(options: KerasData & SequenceArguments & { readonly testSplit?: number }): Dataset {
    const { testSplit = 0.2, ...rest } = options;
    checkBetween('reuters: testSplit', testSplit, 0, 1);
    return sequences('reuters', rest, testSplit);
  },

  /**
   * Film reviews as sequences of word numbers, from `imdb.npz`; `padSequences` gives them one length. Target [1]: 0 is
   * a bad review, 1 a good one.
   */
  imdb(options: KerasData & SequenceArguments): Dataset {
    return sequences('imdb', options, null);
  },
};

function images(kind: string, options: KerasData): Dataset {
  return describe(kind, { split: splitOf(kind, options) } satisfies SplitOptions, options.directory);
}

function splitOf(kind: string, options: KerasData): SplitOptions['split'] {
  return resolveName(`split of ${kind}`, options?.split, ['train', 'test'] as const);
}

function sequences(kind: string, options: KerasData & SequenceArguments, testSplit: number | null): Dataset {
  const split = splitOf(kind, options);
  const { numWords = null, skipTop = 0, maxLen = null, seed = 113 } = options;
  const { startChar = 1, oovChar = 2, indexFrom = 3, directory } = options;
  if (numWords !== null) checkCount(`${kind}: numWords`, numWords);
  if (maxLen !== null) checkCount(`${kind}: maxLen`, maxLen);
  for (const [name, value] of Object.entries({ skipTop, seed, indexFrom })) checkNatural(`${kind}: ${name}`, value);
  for (const [name, value] of Object.entries({ startChar, oovChar })) {
    if (value !== null) checkNatural(`${kind}: ${name}`, value);
  }
  if (seed >= 2 ** 32) throw new LockstepError('job/invalid', `${kind}: seed must be below 2^32, got ${seed}.`);
  const given = { split, numWords, skipTop, maxLen, seed, startChar, oovChar, indexFrom, testSplit };
  return describe(kind, given satisfies SequenceOptions, directory);
}
