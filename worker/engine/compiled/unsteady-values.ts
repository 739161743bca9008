import { LockstepError } from '../../../shared/core/index.ts';

/** A day and odd milliseconds, so that neither a time's low nor its high digits stay. */
const OTHER_MS = 86_400_000 + 12_345_679;
const NANOSECONDS = 1_000_000n;

/** Lets every clock of JavaScript tell another time while `fn` runs: two recordings within a millisecond may differ in none. */
export function withOtherClocks<T>(fn: () => T): T {
  const { Date: RealDate } = globalThis;
  const { now } = RealDate;
  const { hrtime } = process;
  class OtherDate extends RealDate {
    constructor(...args: [] | [number]) {
      if (args.length === 0) super(now.call(RealDate) + OTHER_MS);
      else super(...args);
    }
    static override now(): number {
      return now.call(RealDate) + OTHER_MS;
    }
  }
  const otherHrtime = Object.assign(
    (...args: Parameters<typeof hrtime>) => {
      const [seconds, nanoseconds] = hrtime(...args);
      return [seconds + Math.round(OTHER_MS / 1000), nanoseconds];
    },
    { bigint: () => hrtime.bigint() + BigInt(OTHER_MS) * NANOSECONDS },
  );
  const elapsed = performance.now.bind(performance);
  globalThis.Date = OtherDate as DateConstructor;
  Object.defineProperty(performance, 'now', { configurable: true, value: () => elapsed() + OTHER_MS });
  Object.assign(process, { hrtime: otherHrtime });
  try {
    return fn();
  } finally {
    globalThis.Date = RealDate;
    // Uncovers the method of the clock's class.
    Reflect.deleteProperty(performance, 'now');
    Object.assign(process, { hrtime });
  }
}

/**
 * Refuses Math.random while `fn` runs. To compare two recordings would not do: a branch on a random number may fall the
 * same way twice.
 *
 * @param place where the step is, as messages say it; undefined outside of layers and functions of the job's own
 * @throws LockstepError engine/impure
 */
export function withoutRandom<T>(place: () => string | undefined, fn: () => T): T {
  const { random } = Math;
  let refusal: LockstepError | undefined;
  Math.random = () => {
    refusal ??= new LockstepError(
      'engine/impure',
      `${place() ?? 'the training step'} draws by Math.random (or by a random op of tf, which seeds itself from it), and a ` +
        'compiled step would draw the same for ever. Use the random layers (dropout, gaussianNoise, …), pass the values in ' +
        'as data, or train with --eager (compile: false in the job)',
      { details: { place: place() } },
    );
    throw refusal;
  };
  try {
    const result = fn();
    // Not thrown to where anybody could catch it.
    if (refusal !== undefined) throw refusal;
    return result;
  } finally {
    Math.random = random;
  }
}
