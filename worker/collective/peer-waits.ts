import type { Clock } from '../../shared/core/index.ts';

interface Wait {
  seconds: number;
  /** When the wait that is going on began. */
  sinceMs: number | undefined;
}

/**
 * How long this worker has waited for each peer's own sums, in its whole life. Waiting for reduced values is not
 * counted: a peer may owe those only because it waits itself. So the slow worker stands out in what all others say.
 */
export class PeerWaits {
  readonly #clock: Clock;
  readonly #waits = new Map<string, Wait>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds for each peer's worker id, those of waits that are going on included. */
  seconds(): Map<string, number> {
    const nowMs = this.#clock.now();
    const entries = [...this.#waits].map(([workerId, { seconds, sinceMs }]): [string, number] => {
      return [workerId, seconds + (sinceMs === undefined ? 0 : (nowMs - sinceMs) / 1000)];
    });
    return new Map(entries);
  }

  begin(workerId: string): void {
    const wait = this.#waits.get(workerId) ?? { seconds: 0, sinceMs: undefined };
    wait.sinceMs ??= this.#clock.now();
    this.#waits.set(workerId, wait);
  }

  end(workerId: string): void {
    const wait = this.#waits.get(workerId);
    if (wait?.sinceMs === undefined) return;
    wait.seconds += (this.#clock.now() - wait.sinceMs) / 1000;
    wait.sinceMs = undefined;
  }
}
