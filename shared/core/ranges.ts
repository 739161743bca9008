/** Half-open range of whole numbers [start, end). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts [0, total) into `parts` contiguous ranges whose lengths differ by at most one, the longer ones first.
 * With `total < parts` the last ranges are empty.
 */
export function splitEvenly(total: number, parts: number): Range[] {
  const short = Math.floor(total / parts);
  const longer = total % parts;
  const ranges: Range[] = [];
  let start = 0;
  for (let part = 0; part < parts; part++) {
    const end = start + short + (part < longer ? 1 : 0);
    ranges.push({ start, end });
    start = end;
  }
  return ranges;
}
