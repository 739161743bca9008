import { at, LockstepError, type Range } from '../../shared/core/index.ts';
import { BucketReduction } from './bucket-reduction.ts';
import type { Layout } from './layout.ts';
import type { ChunkRequest } from './transport.ts';
import type { Recycle } from './tree.ts';
import type { WireValues } from './wire-format.ts';

export type Spares = readonly (WireValues | undefined)[];

/** The arithmetic of one step's reduction: takes contributions and segments, says what can be read and when it is done. */
export class StepReduction {
  readonly step: number;
  readonly result: Promise<WireValues[]>;
  readonly #buckets: readonly BucketReduction[];
  readonly #waiters = new Set<() => void>();
  #done = false;
  #resolve: (buckets: WireValues[]) => void = () => {};
  #reject: (error: LockstepError) => void = () => {};

  /**
   * @param spares arrays of a step that nobody needs any more (`spares()` of it)
   * @param recycle gets the arrays of `addSegment` and `setSegment` once nobody needs them
   */
  constructor(step: number, layout: Layout, spares: Spares = [], recycle: Recycle = () => {}) {
    this.step = step;
    this.#buckets = layout.plans.map((_, bucket) => new BucketReduction(bucket, layout, spares[bucket], recycle));
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => {});
  }

  /** One hosted replica's part of a bucket; the array is the reduction's from here on. */
  contribute(replica: number, bucket: number, values: WireValues): void {
    at(this.#buckets, bucket).contribute(replica, values);
    this.#changed();
  }

  /** A peer's sum over `node` of one segment that the own plan asks for. */
  addSegment(bucket: number, node: Range, start: number, values: WireValues): void {
    if (at(this.#buckets, bucket).addSegment(node, start, values)) this.#changed();
  }

  /** A reduced segment. */
  setSegment(bucket: number, start: number, values: WireValues): void {
    at(this.#buckets, bucket).setSegment(start, values);
    this.#changed();
  }

  /** Where reduced values [start, end) may be written, for `setSegment` to count. */
  place(bucket: number, start: number, end: number): WireValues | undefined {
    return at(this.#buckets, bucket).place(start, end);
  }

  /**
   * The values that a peer asks for, or `undefined` while they aren't there.
   * @throws LockstepError collective/stale for parts of a step that is done
   */
  read({ bucket: index, stage, node, start, end }: ChunkRequest): WireValues | undefined {
    const bucket = at(this.#buckets, index);
    if (stage === 'gather') return bucket.readReduced(start, end);
    if (this.#done && !bucket.lendsSum) {
      throw new LockstepError('collective/stale', `step ${this.step} is reduced; its parts are gone`, {
        action: 'discard',
      });
    }
    return bucket.readSum(node, start, end);
  }

  /** Resolves at the next change of what can be read; rejects when the reduction fails. */
  changed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add(resolve);
      this.result.catch(reject);
    });
  }

  /** The arrays of a step that is over, for a later one: fresh memory costs more than the copy into it. */
  spares(): Spares {
    return this.#buckets.map(({ kept }) => kept);
  }

  fail(error: LockstepError): void {
    this.#reject(error);
  }

  #changed(): void {
    if (!this.#done && this.#buckets.every(({ complete }) => complete)) {
      this.#done = true;
      this.#resolve(this.#buckets.map((bucket) => bucket.take()));
    }
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}
