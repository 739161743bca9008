/** For the `default` of a switch over a tagged union: a new member becomes a type error, not a silent fall-through. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** A broken invariant is a bug of Lockstep: it crashes with its message. Bad input throws LockstepError instead. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** The element at `index`, which the caller knows to exist. */
export function at<T>(items: ArrayLike<T>, index: number): T {
  if (index < 0 || index >= items.length) {
    throw new Error(`invariant broken: index ${index} outside of ${items.length} elements`);
  }
  return items[index] as T;
}
