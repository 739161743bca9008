/** Rows of numbers are kept once read, up to this many bytes; those beyond are read anew each time. */
const CACHE_BYTES = 128 * 1024 * 1024;

/** Numbers of a table's first rows, [rows, columns], in one growing array. */
export class NumericRows {
  readonly columns: number;
  readonly #most: number;
  #values: Float32Array;
  #rows = 0;

  constructor(columns: number, cacheBytes = CACHE_BYTES) {
    this.columns = columns;
    this.#most = Math.floor(cacheBytes / (4 * Math.max(columns, 1)));
    this.#values = new Float32Array(columns * Math.min(1024, this.#most));
  }

  /** Keeps the next row while there is room. */
  add(row: readonly number[]): void {
    if (this.#rows === this.#most) return;
    const end = (this.#rows + 1) * this.columns;
    if (end > this.#values.length) {
      const larger = new Float32Array(Math.min(2 * end, this.#most * this.columns));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values.set(row, end - this.columns);
    this.#rows++;
  }

  /** The row, or undefined when it was not kept. */
  at(index: number): Float32Array | undefined {
    if (index >= this.#rows) return undefined;
    return this.#values.subarray(index * this.columns, (index + 1) * this.columns);
  }
}
