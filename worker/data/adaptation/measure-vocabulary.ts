import type { TokenizerOptions } from '../../../shared/preprocessing/index.ts';
import { WordCounts } from '../../../shared/preprocessing/index.ts';
import type { Source } from '../source.ts';
import { textOf } from '../transforms/loose.ts';

/** The words of all texts, most frequent first: as many as can ever get a number. */
export function measureVocabulary(source: Source, options: Required<TokenizerOptions>): string[] {
  const text = textOf(source, 'tokenize');
  const counts = new WordCounts(options);
  for (let index = 0; index < source.size; index++) counts.add(text(index));
  const ranked = counts.ranked();
  return options.numWords === null ? ranked : ranked.slice(0, options.numWords - 1);
}
