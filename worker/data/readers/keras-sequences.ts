import { join } from 'node:path';
import { LockstepError } from '../../../shared/core/index.ts';
import type { DatasetDescription, SequenceOptions } from '../../../shared/job/index.ts';
import { downloadedDirectory } from '../downloads/downloaded-directory.ts';
import { openZipEntries } from '../files/zip-entries.ts';
import { NumpyRandomState } from '../numpy/mersenne-twister.ts';
import { openNpy, RowReader } from '../numpy/npy-array.ts';
import { RaggedArray, readRagged } from '../numpy/ragged-array.ts';
import type { OpenContext, Source } from '../source.ts';
import { readLabels } from './labels.ts';

interface Samples {
  readonly sequences: readonly ArrayLike<number>[];
  readonly labels: readonly number[];
}

/** Keras's archive of newswires: one list, shuffled, then cut in two. */
export async function openReuters(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const options = description.options as unknown as SequenceOptions;
  const file = join(await downloadedDirectory('reuters', description.location, context), 'reuters.npz');
  const [all] = await readSplits(file, [['x', 'y']], 46);
  const shuffled = shuffle(all as Samples, new NumpyRandomState(options.seed));
  const { sequences, labels } = limitWords([marked(file, shuffled, options)], options);
  const size = Math.trunc(sequences.length * (1 - (options.testSplit ?? 0)));
  const isTrain = options.split === 'train';
  return sourceOf(
    isTrain ? sequences.slice(0, size) : sequences.slice(size),
    isTrain ? labels.slice(0, size) : labels.slice(size),
  );
}

/** Keras's archive of film reviews: two splits, of which each is shuffled, with one source of random numbers. */
export async function openImdb(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const options = description.options as unknown as SequenceOptions;
  const file = join(await downloadedDirectory('imdb', description.location, context), 'imdb.npz');
  const random = new NumpyRandomState(options.seed);
  const splits = await readSplits(
    file,
    [
      ['x_train', 'y_train'],
      ['x_test', 'y_test'],
    ],
    2,
  );
  const kept = splits.map((split) => shuffle(split, random)).map((split) => marked(file, split, options));
  const { sequences, labels } = limitWords(kept, options);
  const size = kept[0]?.sequences.length ?? 0;
  const isTrain = options.split === 'train';
  return sourceOf(
    isTrain ? sequences.slice(0, size) : sequences.slice(size),
    isTrain ? labels.slice(0, size) : labels.slice(size),
  );
}

async function readSplits(
  file: string,
  names: readonly (readonly [string, string])[],
  classes: number,
): Promise<Samples[]> {
  const needs = { name: 'this data set', contents: 'the archive that Keras uses' };
  const entries = await openZipEntries(
    file,
    names.flat().map((name) => `${name}.npy`),
    needs,
  );
  try {
    const arrays = entries.map(openNpy);
    return names.map((_, split) => {
      const [inputs, targets] = arrays.slice(2 * split, 2 * split + 2) as [(typeof arrays)[0], (typeof arrays)[0]];
      const ragged = readRagged(inputs);
      const labels = readLabels(targets, new RowReader(targets), classes);
      if (labels.length !== ragged.size) targets.bytes.fail(0, `${labels.length} labels, expected ${ragged.size}`);
      return { sequences: Array.from(labels, (_label, index) => ragged.at(index)), labels: [...labels] };
    });
  } finally {
    for (const entry of entries) entry.close();
  }
}

function shuffle({ sequences, labels }: Samples, random: NumpyRandomState): Samples {
  const order = [...random.shuffled(sequences.length)];
  return {
    sequences: order.map((index) => sequences[index] as ArrayLike<number>),
    labels: order.map((index) => labels[index] as number),
  };
}

/** With the start mark, numbers moved by indexFrom, and without the sequences that are too long. */
function marked(file: string, { sequences, labels }: Samples, options: SequenceOptions): Samples {
  const { startChar, indexFrom, maxLen } = options;
  const start = startChar === null ? [] : [startChar];
  const all = sequences.map((sequence) => [...start, ...Array.from(sequence, (word) => word + indexFrom)]);
  if (maxLen === null) return { sequences: all, labels };
  const kept = all.flatMap((sequence, index) => (sequence.length < maxLen ? [index] : []));
  if (kept.length === 0) {
    throw new LockstepError('data/empty', `${file} holds no sequence shorter than maxLen ${maxLen}; raise maxLen`);
  }
  return {
    sequences: kept.map((index) => all[index] as number[]),
    labels: kept.map((index) => labels[index] as number),
  };
}

/** Over all splits together, because the default of numWords is the largest number in any of them (and drops that). */
function limitWords(splits: readonly Samples[], options: SequenceOptions): { sequences: number[][]; labels: number[] } {
  const { skipTop, oovChar } = options;
  const all = splits.flatMap(({ sequences }) => sequences);
  const numWords = options.numWords ?? all.reduce((most, sequence) => Math.max(most, largest(sequence)), 0);
  const sequences = all.map((sequence) =>
    Array.from(sequence).flatMap((word) => {
      if (word >= skipTop && word < numWords) return [word];
      return oovChar === null ? [] : [oovChar];
    }),
  );
  return { sequences, labels: splits.flatMap(({ labels }) => labels) };
}

function largest(sequence: ArrayLike<number>): number {
  let most = 0;
  for (let index = 0; index < sequence.length; index++) most = Math.max(most, sequence[index] as number);
  return most;
}

function sourceOf(lists: readonly number[][], labels: readonly number[]): Source {
  const sequences = new RaggedArray(lists);
  return {
    size: sequences.size,
    inputs: [],
    targets: [{ shape: [1], dtype: 'float32' }],
    labels,
    loose: { kind: 'sequence', read: (index) => sequences.at(index) },
    read(index, _inputs, [target]) {
      if (target !== undefined) target[0] = labels[index] as number;
    },
  };
}
