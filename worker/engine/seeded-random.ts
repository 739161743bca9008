import { RandomStream } from '../../shared/core/index.ts';

/** What a stream of random numbers is for, so that streams with otherwise equal keys differ. */
export const randomPurpose = { model: 1, microstep: 2, seededLayer: 3, program: 4 } as const;

/**
 * Runs `build` with Math.random replaced by a sequence that is a function of `key` alone, and puts the old one back
 * when the result (or its promise) is there. Every random op and unseeded initializer of tfjs seeds itself from
 * Math.random, so this makes them functions of `key`.
 *
 * While an asynchronous `build` runs, other code of this thread draws from the same sequence: nothing else may run.
 */
export function withSeededRandom<T>(key: readonly number[], build: () => T): T {
  const stream = new RandomStream(...key);
  const original = Math.random;
  const restore = (): void => {
    Math.random = original;
  };
  Math.random = () => stream.next();
  let asynchronous = false;
  try {
    const result = build();
    if (result instanceof Promise) {
      asynchronous = true;
      return result.finally(restore) as T;
    }
    return result;
  } finally {
    if (!asynchronous) restore();
  }
}

/**
 * From here on Math.random, and with it every random op and initializer of tfjs that has no seed, is a function of
 * `seed`. @returns what puts the old one back
 */
export function seedRandomNumbers(seed: number): () => void {
  const stream = new RandomStream(seed, randomPurpose.program);
  const original = Math.random;
  Math.random = () => stream.next();
  return () => {
    Math.random = original;
  };
}
