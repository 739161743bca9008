/** Time comes in through a Clock, so that simulations and tests decide what time it is. */
export interface Clock {
  /** Milliseconds from an arbitrary start, never going back. */
  now(): number;
}

export const monotonicClock: Clock = { now: () => performance.now() };
