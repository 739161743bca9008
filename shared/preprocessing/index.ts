import { padSequences } from './pad-sequences.ts';
import { toCategorical } from './to-categorical.ts';
import { Tokenizer } from './tokenizer.ts';
import { textToWordSequence } from './word-splitting.ts';

export {
  type PaddedSequences,
  type Padding,
  type PadOptions,
  padInto,
  resolvePadding,
  type SequenceStep,
} from './pad-sequences.ts';
export type { CategoricalTargets } from './to-categorical.ts';
export { type MatrixMode, resolveTokenizer, type TokenizerOptions } from './tokenizer.ts';
export { Vocabulary, WordCounts } from './vocabulary.ts';
export { textToWordSequence } from './word-splitting.ts';

/** Keras's preprocessing of values in memory; data sets have the same as transforms. */
export const preprocessing = { padSequences, toCategorical, Tokenizer, textToWordSequence } as const;
