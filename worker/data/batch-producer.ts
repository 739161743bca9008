import type { Batch } from '../../shared/job/index.ts';
import { epochOfStep, Schedule } from '../../shared/sampling/index.ts';
import { assembleBatch } from './assemble-batch.ts';
import type { LoadedBatch, LoaderRange } from './loader-protocol.ts';
import type { Source } from './source.ts';

/** Makes one pass's batches in order, never more than `prefetch` ahead of what was taken. No threads, no waiting. */
export class BatchProducer {
  readonly #source: Source;
  readonly #prefetch: number;
  readonly #spare: Batch[] = [];
  #schedule: Schedule | undefined;
  #range: LoaderRange | undefined;
  #step = 0;
  #replica = 0;
  #microstep = 0;
  #ahead = 0;

  constructor(source: Source, prefetch: number) {
    this.#source = source;
    this.#prefetch = prefetch;
  }

  start(range: LoaderRange): void {
    this.#schedule = new Schedule(range.plan);
    this.#range = range;
    this.#step = range.firstStep;
    this.#replica = range.replicas.start;
    this.#microstep = 0;
    this.#ahead = 0;
  }

  taken(): void {
    this.#ahead--;
  }

  /** Arrays to fill again; more than can be on their way at once are let go. */
  recycle(batch: Batch): void {
    if (this.#spare.length <= this.#prefetch) this.#spare.push(batch);
  }

  /** Nothing more in this pass: what went wrong would go wrong again. */
  stop(): void {
    this.#range = undefined;
  }

  /** The next batch, or undefined while there are enough ahead or the pass is over. */
  next(): LoadedBatch | undefined {
    const range = this.#range;
    if (range === undefined || this.#schedule === undefined || this.#ahead >= this.#prefetch) return undefined;
    if (this.#step >= range.endStep || range.replicas.start >= range.replicas.end) return undefined;
    const step = this.#step;
    const replica = this.#replica;
    const { plan, isTraining } = range;
    const visit = isTraining ? { seed: plan.seed, epoch: epochOfStep(plan, step).epoch } : undefined;
    const samples = this.#schedule.replicaBatch(step, replica, this.#microstep);
    const batch = assembleBatch(this.#source, samples, visit, this.#spare.pop());
    this.#ahead++;
    this.#microstep++;
    if (this.#microstep === (plan.accumulate ?? 1)) {
      this.#microstep = 0;
      this.#replica++;
    }
    if (this.#replica === range.replicas.end) {
      this.#replica = range.replicas.start;
      this.#step++;
    }
    return { step, replica, batch };
  }
}
