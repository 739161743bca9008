const SIZE = 624;
const PERIOD = 397;

/** MT19937 (Matsumoto and Nishimura, 1998), seeded by one number: the stream of NumPy's `RandomState(seed)`. */
class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  #next = SIZE;

  constructor(seed: number) {
    const state = this.#state;
    state[0] = seed;
    for (let index = 1; index < SIZE; index++) {
      const before = state[index - 1] as number;
      state[index] = Math.imul(1812433253, before ^ (before >>> 30)) + index;
    }
  }

  uint32(): number {
    if (this.#next === SIZE) this.#refill();
    let word = this.#state[this.#next++] as number;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  #refill(): void {
    const state = this.#state;
    for (let index = 0; index < SIZE; index++) {
      const word = ((state[index] as number) & 0x80000000) | ((state[(index + 1) % SIZE] as number) & 0x7fffffff);
      state[index] = (state[(index + PERIOD) % SIZE] as number) ^ (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}

/** NumPy's `RandomState(seed)` as far as Keras's data sets need it: shuffles of index lists, one after the other. */
export class NumpyRandomState {
  readonly #twister: MersenneTwister;

  /** @param seed below 2³² */
  constructor(seed: number) {
    this.#twister = new MersenneTwister(seed);
  }

  /** 0 to count − 1 in the order that `shuffle(arange(count))` gives: Fisher–Yates from the end. */
  shuffled(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, index) => index);
    for (let last = count - 1; last > 0; last--) {
      const other = this.#upTo(last);
      const held = order[last] as number;
      order[last] = order[other] as number;
      order[other] = held;
    }
    return order;
  }

  /** Uniform in 0 to `most`: draws are cut to as many bits as `most` has, and drawn again where they are above it. */
  #upTo(most: number): number {
    const mask = 0xffffffff >>> Math.clz32(most);
    for (;;) {
      const draw = (this.#twister.uint32() & mask) >>> 0;
      if (draw <= most) return draw;
    }
  }
}
