import type { Source } from '../source.ts';

/** Samples [start, end) as `Array.prototype.slice` counts: below 0 from the end, `null` is the end. */
export function sliceSource(source: Source, start: number, end: number | null): Source {
  const bound = (position: number): number =>
    Math.min(Math.max(position < 0 ? source.size + position : position, 0), source.size);
  const first = bound(start);
  const size = Math.max(bound(end ?? source.size) - first, 0);
  const { labels } = source;
  return {
    ...source,
    size,
    ...(labels === undefined ? {} : { labels: Array.prototype.slice.call(labels, first, first + size) as number[] }),
    read: (index, inputs, targets) => source.read(first + index, inputs, targets),
    close: () => source.close?.(),
  };
}
