import { at, invariant, type LockstepError } from '../../shared/core/index.ts';
import { type CostInputs, compareAlgorithms, type Prediction } from './cost-model.ts';
import { Layout, type LayoutOptions } from './layout.ts';
import type { Member } from './transport.ts';
import type { WireFormat } from './wire-format.ts';

/** Layouts that are kept for steps of the same lengths: a loop has a handful of kinds of calls. */
const maxKept = 32;

interface Waiter {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: LockstepError): void;
}

/**
 * The layout of each step: the same one for all of a generation, or one for each step from when it is begun. With `auto`
 * there is none before `settle`.
 */
export class Layouts {
  readonly wire: WireFormat;
  readonly segmentValues: number;
  /** Whether all steps have the same buckets. */
  readonly areEqual: boolean;
  readonly #options: Omit<LayoutOptions, 'bucketLengths'>;
  readonly #first: Layout;
  #all: Layout | undefined;
  #costs: CostInputs | undefined;
  readonly #bySteps = new Map<number, Layout>();
  readonly #byLengths = new Map<string, Layout>();
  readonly #waiters = new Map<number, Waiter>();
  #failure: LockstepError | undefined;

  constructor({
    bucketLengths,
    ...options
  }: Omit<LayoutOptions, 'bucketLengths'> & { bucketLengths: readonly number[] | null }) {
    this.#options = options;
    this.areEqual = bucketLengths !== null;
    const { algorithm } = options;
    // What is taken of it before the choice is the same by any algorithm.
    const first = new Layout({
      ...options,
      algorithm: algorithm === 'auto' ? 'direct' : algorithm,
      bucketLengths: bucketLengths ?? [],
    });
    this.#first = first;
    this.#all = bucketLengths === null || algorithm === 'auto' ? undefined : first;
    this.wire = first.wire;
    this.segmentValues = first.segmentValues;
  }

  /** @throws LockstepError collective/stale for a worker that is no member */
  memberOf(workerId: string): Member {
    return this.#first.memberOf(workerId);
  }

  /**
   * Chooses by what was measured, alike on all members. Returns what each algorithm is predicted to take, the chosen one
   * first; nothing where it depends on the step.
   */
  settle(costs: CostInputs): Prediction[] {
    this.#costs = costs;
    if (!this.areEqual) return [];
    const predictions = compareAlgorithms(this.#first.shape, costs);
    const { bucketLengths } = this.#first.shape;
    this.#all = new Layout({ ...this.#options, algorithm: at(predictions, 0).algorithm, bucketLengths });
    for (const waiter of this.#waiters.values()) waiter.resolve();
    this.#waiters.clear();
    return predictions;
  }

  begin(step: number, bucketLengths: readonly number[]): void {
    invariant(!this.areEqual, 'only a step with lengths of its own is begun');
    this.#bySteps.set(step, this.#ofLengths(bucketLengths));
    this.#waiters.get(step)?.resolve();
    this.#waiters.delete(step);
  }

  of(step: number): Layout {
    const layout = this.#all ?? this.#bySteps.get(step);
    invariant(layout !== undefined, `step ${step} was begun`);
    return layout;
  }

  /** Resolves when `step` is begun; undefined where it is. */
  begun(step: number): Promise<void> | undefined {
    if (this.#all !== undefined || this.#bySteps.has(step)) return undefined;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    let waiter = this.#waiters.get(step);
    if (waiter === undefined) {
      waiter = withResolvers();
      waiter.promise.catch(() => {});
      this.#waiters.set(step, waiter);
    }
    return waiter.promise;
  }

  end(step: number): void {
    this.#bySteps.delete(step);
  }

  fail(error: LockstepError): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }

  #ofLengths(bucketLengths: readonly number[]): Layout {
    const key = bucketLengths.join();
    let layout = this.#byLengths.get(key);
    if (layout === undefined) {
      layout = new Layout({ ...this.#options, ...(this.#costs && { costs: this.#costs }), bucketLengths });
      if (this.#byLengths.size >= maxKept) this.#byLengths.clear();
      this.#byLengths.set(key, layout);
    }
    return layout;
  }
}

/** Promise.withResolvers, which Node 20 doesn't have. */
function withResolvers(): Waiter {
  let [resolve, reject]: [() => void, (error: LockstepError) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((resolvePromise, rejectPromise) => {
    [resolve, reject] = [resolvePromise, rejectPromise];
  });
  return { promise, resolve, reject };
}
