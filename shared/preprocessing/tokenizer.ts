import { LockstepError } from '../core/index.ts';
import { Vocabulary, type VocabularyOptions, WordCounts } from './vocabulary.ts';
import { resolveSplitting, textToWordSequence, type WordSplitting } from './word-splitting.ts';

export type TokenizerOptions = VocabularyOptions & WordSplitting;

export type MatrixMode = 'binary' | 'count' | 'freq';

/** @throws LockstepError job/invalid */
export function resolveTokenizer(options: TokenizerOptions): Required<TokenizerOptions> {
  const { numWords = null, oovToken = null } = options;
  if (numWords !== null && !(Number.isSafeInteger(numWords) && numWords >= 2)) {
    throw new LockstepError(
      'job/invalid',
      `tokenizer: numWords must be a whole number of at least 2, got ${numWords}.`,
    );
  }
  return { numWords, oovToken, ...resolveSplitting(options) };
}

/** Keras's Tokenizer for texts in memory: words become numbers by how often they occur in the texts that were fitted. */
export class Tokenizer {
  readonly #options: Required<TokenizerOptions>;
  readonly #counts: WordCounts;
  #vocabulary: Vocabulary | undefined;

  /** @throws LockstepError job/invalid */
  constructor(options: TokenizerOptions = {}) {
    this.#options = resolveTokenizer(options);
    this.#counts = new WordCounts(this.#options);
  }

  /** Counts the words of more texts; what was counted before stays. */
  fitOnTexts(texts: Iterable<string>): void {
    for (const text of texts) this.#counts.add(text);
    this.#vocabulary = undefined;
  }

  get wordCounts(): ReadonlyMap<string, number> {
    return this.#counts.counts;
  }

  /** Every word's number, also of those beyond numWords. */
  get wordIndex(): ReadonlyMap<string, number> {
    const vocabulary = this.#current();
    return new Map(vocabulary.words.map((word) => [word, vocabulary.indexOf(word) as number]));
  }

  textsToSequences(texts: Iterable<string>): number[][] {
    const vocabulary = this.#current();
    return Array.from(texts, (text) => vocabulary.encode(textToWordSequence(text, this.#options)));
  }

  /**
   * One row per sequence with a place per number below numWords (without it: per word, and 0), [sequences, places]:
   * whether it occurs, how often, or its share of the sequence.
   */
  sequencesToMatrix(sequences: readonly (readonly number[])[], mode: MatrixMode = 'binary'): Float32Array[] {
    const places = this.#options.numWords ?? this.#current().words.length + 1;
    return sequences.map((sequence) => {
      const row = new Float32Array(places);
      for (const number of sequence) if (number < places) row[number] = (row[number] as number) + 1;
      if (mode === 'binary') return row.map((count) => Math.min(count, 1));
      return mode === 'freq' ? row.map((count) => count / Math.max(sequence.length, 1)) : row;
    });
  }

  #current(): Vocabulary {
    this.#vocabulary ??= new Vocabulary(this.#counts.ranked(), this.#options);
    return this.#vocabulary;
  }
}
