import { Permutation } from '../../../shared/sampling/index.ts';
import type { Source } from '../source.ts';

/** The samples that `place` names, in that order: sample k of the result is sample place(k) of `source`. */
function reorder(source: Source, size: number, place: (index: number) => number): Source {
  const { labels, loose, weigh } = source;
  const pick = <Item>(items: ArrayLike<Item>): Item[] =>
    Array.from({ length: size }, (_, index) => items[place(index)] as Item);
  return {
    ...source,
    size,
    ...(labels === undefined ? {} : { labels: pick(labels) }),
    ...(loose === undefined
      ? {}
      : { loose: { ...loose, read: (index: number) => loose.read(place(index)) } as typeof loose }),
    ...(weigh === undefined ? {} : { weigh: (index, targets) => weigh(place(index), targets) }),
    read: (index, inputs, targets, visit) => source.read(place(index), inputs, targets, visit),
    close: () => source.close?.(),
  };
}

/** Samples [start, end) as `Array.prototype.slice` counts: below 0 from the end, `null` is the end. */
export function sliceSource(source: Source, start: number, end: number | null): Source {
  const bound = (position: number): number =>
    Math.min(Math.max(position < 0 ? source.size + position : position, 0), source.size);
  const first = bound(start);
  return reorder(source, Math.max(bound(end ?? source.size) - first, 0), (index) => first + index);
}

/** Samples [⌊from · size⌋, ⌊to · size⌋), so that neighbouring parts share none and leave none out. */
export function partOf(source: Source, from: number, to: number): Source {
  return sliceSource(source, Math.floor(source.size * from), Math.floor(source.size * to));
}

/** A fixed permutation that is computed, not stored. */
export function shuffleSource(source: Source, seed: number): Source {
  if (source.size === 0) return source;
  // Epochs count from 0, so none of training's orders is this one.
  const order = new Permutation(source.size, seed, Number.MAX_SAFE_INTEGER);
  return reorder(source, source.size, (index) => order.at(index));
}
