import { LockstepError } from '../../../shared/core/index.ts';
import {
  type Padding,
  padInto,
  type TokenizerOptions,
  textToWordSequence,
  Vocabulary,
} from '../../../shared/preprocessing/index.ts';
import type { LooseInput, Source } from '../source.ts';

/** How a source's texts are read. @throws LockstepError data/shape when it has none */
export function textOf(source: Source, transform: string): (index: number) => string {
  return looseOf(source, transform, 'text').read;
}

/** Texts become sequences of word numbers. `words` are the most frequent ones in their order. */
export function tokenizeTexts(source: Source, words: readonly string[], options: Required<TokenizerOptions>): Source {
  const text = textOf(source, 'tokenize');
  const vocabulary = new Vocabulary(words, options);
  return {
    ...source,
    loose: { kind: 'sequence', read: (index) => vocabulary.encode(textToWordSequence(text(index), options)) },
    read: (index, inputs, targets, visit) => source.read(index, inputs, targets, visit),
    close: () => source.close?.(),
  };
}

/** Sequences become [maxLen]. */
export function padInputs(source: Source, padding: Padding): Source {
  const sequence = looseOf(source, 'padSequences', 'sequence').read;
  const { loose: _, ...rest } = source;
  return {
    ...rest,
    inputs: [{ shape: [padding.maxLen], dtype: padding.dtype }],
    read(index, inputs, targets, visit) {
      source.read(index, [], targets, visit);
      const [row] = inputs;
      if (row !== undefined) padInto(row, sequence(index), padding);
    },
    close: () => source.close?.(),
  };
}

function looseOf<Kind extends LooseInput['kind']>(
  source: Source,
  transform: string,
  kind: Kind,
): Extract<LooseInput, { kind: Kind }> {
  const { loose } = source;
  if (loose?.kind === kind) return loose as Extract<LooseInput, { kind: Kind }>;
  const found =
    loose !== undefined
      ? `${loose.kind}s`
      : `inputs ${source.inputs.map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`).join(', ')}`;
  throw new LockstepError('data/shape', `${transform} needs a data set of ${kind}s, got ${found}`);
}

/** @throws LockstepError data/shape when no transform gave the input a shape */
export function assertShaped({ loose }: Source): void {
  if (loose === undefined) return;
  const advice =
    loose.kind === 'text' ? '.tokenize({ adaptTo: … }).padSequences({ maxLen: … })' : '.padSequences({ maxLen: … })';
  throw new LockstepError('data/shape', `the data set holds ${loose.kind}s, which have no fixed shape; add ${advice}`);
}
