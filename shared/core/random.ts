/**
 * Counter-based random numbers: each value is a pure function of its key and a counter, so that any process gets
 * the same value for (seed, step, replica, …) without sharing a state. The mixer is MurmurHash3's 32-bit finalizer
 * (Appleby, 2011) applied twice per word.
 */
export function mix32(key: number, word: number): number {
  let h = Math.imul(key ^ word, 0xcc9e2d51) >>> 0;
  h = (h ^ (h >>> 16)) >>> 0;
  h = Math.imul(h, 0x85ebca6b) >>> 0;
  h = (h ^ (h >>> 13)) >>> 0;
  h = Math.imul(h, 0xc2b2ae35) >>> 0;
  h = (h ^ (h >>> 16)) >>> 0;
  h = (Math.imul(h, 5) + 0xe6546b64 + key) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) >>> 0;
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39) >>> 0;
  return (h ^ (h >>> 15)) >>> 0;
}

/** One 32-bit key from any number of integers below 2⁵³, order-sensitive. */
export function deriveKey(...words: readonly number[]): number {
  let key = 0x9e3779b9;
  for (const word of words) {
    key = mix32(key, word >>> 0);
    key = mix32(key, Math.floor(word / 0x1_0000_0000) >>> 0);
  }
  return key;
}

/** A sequence of numbers in [0, 1) with 32 random bits each: value k is a function of (key, k) alone. */
export class RandomStream {
  readonly #key: number;
  #counter = 0;

  constructor(...key: readonly number[]) {
    this.#key = deriveKey(...key);
  }

  uint32(): number {
    return mix32(this.#key, this.#counter++);
  }

  /** Uniform in [0, 1). */
  next(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** Standard normal by the Box–Muller transform. */
  normal(): number {
    const u = 1 - this.next();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.next());
  }
}
