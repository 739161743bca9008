import { deriveKey, mix32 } from '../core/index.ts';

const ROUNDS = 6;

/**
 * A seeded permutation of [0, size) that is computed, not stored: a balanced Feistel network over the next power of
 * four, with cycle walking for values beyond `size` (Black and Rogaway, "Ciphers with arbitrary finite domains",
 * 2002). O(1) memory and, because the domain is less than four times `size`, fewer than four walks on average.
 */
export class Permutation {
  readonly size: number;
  readonly #halfBits: number;
  readonly #keys: readonly number[];

  /** @param size number of elements, 1 to 2⁵² */
  constructor(size: number, seed: number, epoch: number) {
    this.size = size;
    let halfBits = 1;
    while (4 ** halfBits < size) halfBits++;
    this.#halfBits = halfBits;
    this.#keys = Array.from({ length: ROUNDS }, (_, round) => deriveKey(seed, epoch, round, size));
  }

  /** The element at `position`, for 0 ≤ position < size. */
  at(position: number): number {
    let value = position;
    do value = this.#encrypt(value);
    while (value >= this.size);
    return value;
  }

  #encrypt(value: number): number {
    const base = 2 ** this.#halfBits;
    let left = Math.floor(value / base);
    let right = value % base;
    for (const key of this.#keys) {
      const mixed = (left ^ (mix32(key, right) % base)) >>> 0;
      left = right;
      right = mixed;
    }
    return left * base + right;
  }
}
