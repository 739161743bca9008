import { LockstepError } from '../core/index.ts';

/** How a text becomes words. Keras's arguments of `text_to_word_sequence`, with its defaults. */
export interface WordSplitting {
  /** Characters that count as `split`. */
  readonly filters?: string;
  /** Default true. */
  readonly lower?: boolean;
  /** Default a space. */
  readonly split?: string;
  /** Every character is a word of its own; `filters` and `split` don't count then. Default false. */
  readonly charLevel?: boolean;
}

export const kerasSplitting: Required<WordSplitting> = {
  filters: '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n',
  lower: true,
  split: ' ',
  charLevel: false,
};

/** @throws LockstepError job/invalid for an empty `split` */
export function resolveSplitting(options: WordSplitting): Required<WordSplitting> {
  const {
    filters = kerasSplitting.filters,
    lower = kerasSplitting.lower,
    split = kerasSplitting.split,
    charLevel = kerasSplitting.charLevel,
  } = options;
  if (split === '') throw new LockstepError('job/invalid', 'tokenizer: split must not be empty; use charLevel: true.');
  return { filters, lower, split, charLevel };
}

/** The words of a text in order. Lower case is Unicode's, independent of the machine's language. */
export function textToWordSequence(text: string, options: WordSplitting = {}): string[] {
  const { filters, lower, split, charLevel } = resolveSplitting(options);
  const cased = lower ? text.toLowerCase() : text;
  if (charLevel) return [...cased];
  const filtered = new Set(filters);
  let clean = '';
  for (const character of cased) clean += filtered.has(character) ? split : character;
  return clean.split(split).filter((word) => word !== '');
}
