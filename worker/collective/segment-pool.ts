import { valuesOver, type WireFormat, type WireValues } from './wire-format.ts';

/** Enough for the segments that wait for their siblings in the tree; more are left to the garbage collector. */
const longestRow = 32;

/**
 * Arrays for arriving segments, used again. Fresh memory costs more than the copy into it (1 MiB: 80 µs from shared
 * memory into an array in use, 150 µs into a fresh one that is not zeroed, 420 µs into one that is), and so does its
 * collection.
 */
export class SegmentPool {
  readonly #wire: WireFormat;
  readonly #segmentBytes: number;
  readonly #free: ArrayBuffer[] = [];
  /** Only what came from here comes back: another array may be a part of something. */
  readonly #own = new WeakSet<ArrayBuffer>();

  constructor(wire: WireFormat, segmentBytes: number) {
    this.#wire = wire;
    this.#segmentBytes = segmentBytes;
  }

  /** An array of `byteLength` bytes, at most a segment, with anything in it. */
  take(byteLength: number): WireValues {
    let buffer = this.#free.pop();
    if (buffer === undefined) {
      // Of its own and not zeroed: all of it is overwritten.
      buffer = Buffer.allocUnsafeSlow(this.#segmentBytes).buffer;
      this.#own.add(buffer);
    }
    return valuesOver(new Uint8Array(buffer, 0, byteLength), this.#wire);
  }

  /** Nobody uses `values` any more. Those of other arrays are ignored; one that comes back twice would be a bug. */
  give({ buffer }: WireValues): void {
    if (!(buffer instanceof ArrayBuffer) || !this.#own.has(buffer) || this.#free.length >= longestRow) return;
    this.#free.push(buffer);
  }
}
