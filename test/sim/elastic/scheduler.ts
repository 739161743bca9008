import { RandomStream } from '../../../shared/core/index.ts';

/** A process of the simulation: what happens in it waits while it stands still, and never happens once it is dead. */
export interface Process {
  alive: boolean;
  /** Stands still (SIGSTOP) until then. Never made sooner: what waits for it would be overtaken. */
  frozenUntil: number;
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly process: Process | null;
  readonly run: () => void;
}

/** Virtual time: what is due happens one thing at a time, in an order that the seed alone decides. */
export class Scheduler {
  now = 0;
  readonly random: RandomStream;
  #order = 0;
  readonly #queue: Due[] = [];
  #resumes = false;

  constructor(seed: number) {
    this.random = new RandomStream(seed, 4711);
  }

  /** Runs in `process`, or in none that can fail. */
  after(ms: number, process: Process | null, run: () => void): void {
    this.at(this.now + ms, process, run);
  }

  at(at: number, process: Process | null, run: () => void): void {
    this.#insert({ at: Math.max(at, this.now), order: this.#order++, process, run });
  }

  /** For code that awaits: goes on in `process`. */
  sleep(ms: number, process: Process): Promise<void> {
    return new Promise((resolve) => this.after(ms, process, () => this.resume(resolve)));
  }

  /** Whatever lets code that awaits go on is called through this, so that it goes on before anything else happens. */
  resume(run: () => void): void {
    this.#resumes = true;
    run();
  }

  /** Until `isOver`, or nothing is due any more. `check` looks at the world after each thing that happened. */
  async run(isOver: () => boolean, check: () => void): Promise<void> {
    for (let due = this.#queue.pop(); due !== undefined && !isOver(); due = this.#queue.pop()) {
      this.now = due.at;
      const { process } = due;
      if (process !== null && !process.alive) continue;
      if (process !== null && process.frozenUntil > this.now) {
        this.#insert({ ...due, at: process.frozenUntil });
        continue;
      }
      due.run();
      // Promises are settled one after the other without any timer: after this all code waits for something again.
      if (this.#resumes) await new Promise(setImmediate);
      this.#resumes = false;
      check();
    }
  }

  /** Sorted, the next one last; what was put in first is first among equals. */
  #insert(due: Due): void {
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle] as Due;
      const isBefore = due.at < other.at || (due.at === other.at && due.order < other.order);
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, due);
  }
}

/** Messages from one place to another: late, but in order. */
export class Stream {
  readonly #scheduler: Scheduler;
  readonly #delay: () => number;
  #lastMs = 0;

  constructor(scheduler: Scheduler, delay: () => number) {
    this.#scheduler = scheduler;
    this.#delay = delay;
  }

  send(to: Process | null, run: () => void): void {
    this.#lastMs = Math.max(this.#lastMs, this.#scheduler.now + this.#delay());
    this.#scheduler.at(this.#lastMs, to, run);
  }
}
