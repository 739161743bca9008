import type { Range } from '../../shared/core/index.ts';

/** Which values are there already: disjoint ranges, in order. */
export class Covered {
  readonly #ranges: Range[] = [];

  /** The range must not be there yet. */
  add({ start, end }: Range): void {
    const index = this.#firstEndingAt(start);
    const previous = this.#ranges[index];
    const joinsPrevious = previous !== undefined && previous.end === start;
    const next = this.#ranges[joinsPrevious ? index + 1 : index];
    const joinsNext = next !== undefined && next.start === end;
    const joined = { start: joinsPrevious ? previous.start : start, end: joinsNext ? next.end : end };
    this.#ranges.splice(index, Number(joinsPrevious) + Number(joinsNext), joined);
  }

  has({ start, end }: Range): boolean {
    const range = this.#ranges[this.#firstEndingAt(end)];
    return range !== undefined && range.start <= start;
  }

  /** Of the first range that ends at `position` or later. */
  #firstEndingAt(position: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle] as Range).end < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
