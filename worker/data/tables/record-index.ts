import type { DataFile } from '../files/data-files.ts';

/** Where each record of a file lies: 16 bytes a record, whatever is in it. */
export class RecordIndex {
  #places = new Float64Array(1024);
  #size = 0;
  #buffer = new Uint8Array(4096);

  get size(): number {
    return this.#size;
  }

  /** The next record lies in bytes [start, end). Records are added in the order of the file. */
  add(start: number, end: number): void {
    if (2 * this.#size === this.#places.length) {
      const larger = new Float64Array(4 * this.#size);
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places[2 * this.#size] = start;
    this.#places[2 * this.#size + 1] = end;
    this.#size++;
  }

  /** A record's bytes; valid until the next call. */
  read(file: DataFile, index: number): Uint8Array {
    const start = this.#places[2 * index] as number;
    const length = (this.#places[2 * index + 1] as number) - start;
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(2 * length);
    const bytes = this.#buffer.subarray(0, length);
    file.read(bytes, start);
    return bytes;
  }
}
