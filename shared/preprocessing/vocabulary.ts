import { textToWordSequence, type WordSplitting } from './word-splitting.ts';

export interface VocabularyOptions {
  /** Words with an index of this or above are left out, or become `oovToken`; so numWords − 1 words are kept. */
  readonly numWords?: number | null;
  /** Stands for unknown words and gets index 1; without it they are left out. */
  readonly oovToken?: string | null;
}

/** Counts words: most frequent first, and of equally frequent ones the one that came first, as Keras's Tokenizer. */
export class WordCounts {
  readonly #splitting: WordSplitting;
  readonly #counts = new Map<string, number>();

  constructor(splitting: WordSplitting) {
    this.#splitting = splitting;
  }

  add(text: string): string[] {
    const words = textToWordSequence(text, this.#splitting);
    for (const word of words) this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
    return words;
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** A sort is stable: words with the same count stay in the order of their first occurrence. */
  ranked(): string[] {
    return [...this.#counts].sort(([, a], [, b]) => b - a).map(([word]) => word);
  }
}

/** Words and their numbers, from 1 on; 0 is left for padding. */
export class Vocabulary {
  readonly words: readonly string[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #numWords: number;
  readonly #oovIndex: number | undefined;

  /** @param ranked most frequent first, without the oovToken */
  constructor(ranked: readonly string[], { numWords = null, oovToken = null }: VocabularyOptions) {
    this.words = oovToken === null ? ranked : [oovToken, ...ranked];
    // Of a word that is listed twice (a text that holds the oovToken) the last place counts, as in Keras.
    this.#index = new Map(this.words.map((word, place) => [word, place + 1]));
    this.#numWords = numWords ?? Number.POSITIVE_INFINITY;
    this.#oovIndex = oovToken === null ? undefined : this.#index.get(oovToken);
  }

  indexOf(word: string): number | undefined {
    return this.#index.get(word);
  }

  /** The words' numbers, without unknown ones unless there is an oovToken. */
  encode(words: readonly string[]): number[] {
    const numbers: number[] = [];
    for (const word of words) {
      const index = this.#index.get(word);
      const known = index !== undefined && index < this.#numWords ? index : this.#oovIndex;
      if (known !== undefined) numbers.push(known);
    }
    return numbers;
  }
}
