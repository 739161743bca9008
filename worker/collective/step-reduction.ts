import { at, invariant, LockstepError, type Range } from '../../shared/core/index.ts';
import type { Layout } from './layout.ts';
import type { ChunkRequest } from './transport.ts';
import { type NodeSum, TreeSum } from './tree.ts';

/** One bucket in one step. */
interface BucketState {
  readonly length: number;
  /** Sums of the hosted replicas as they come. */
  readonly local: TreeSum;
  /** The hosted maximal subtrees' sums, once all hosted replicas contributed; peers pull their slices of them. */
  nodes: readonly NodeSum[] | undefined;
  /** All reduced values: the first node's array, filled in place. */
  result: Float32Array | undefined;
  readonly segments: readonly Range[];
  /** Sums over all replicas of each segment of the own slice. */
  readonly sums: TreeSum[];
  readonly reducedSegments: boolean[];
  /** The own slice, reduced: kept for peers after `result` went to the engine. */
  reduced: Float32Array | undefined;
}

export type Spares = readonly (Float32Array | undefined)[];

/** The arithmetic of one step's reduction: takes contributions and segments, says what can be read and when it is done. */
export class StepReduction {
  readonly step: number;
  readonly result: Promise<Float32Array[]>;
  readonly #layout: Layout;
  readonly #buckets: readonly BucketState[];
  readonly #waiters = new Set<() => void>();
  readonly #spares: Spares;
  #missingValues: number;
  #done = false;
  #resolve: (buckets: Float32Array[]) => void = () => {};
  #reject: (error: LockstepError) => void = () => {};

  /** @param spares arrays of a step that nobody needs any more (`spares()` of it) */
  constructor(step: number, layout: Layout, spares: Spares = []) {
    this.#spares = spares;
    this.step = step;
    this.#layout = layout;
    this.#buckets = layout.bucketLengths.map((length, bucket) => makeBucket(length, bucket, layout));
    this.#missingValues = layout.bucketLengths.reduce((sum, length) => sum + length, 0);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => {});
  }

  /** One hosted replica's part of a bucket; the array is the reduction's from here on. */
  contribute(replica: number, bucketIndex: number, values: Float32Array): void {
    const bucket = at(this.#buckets, bucketIndex);
    bucket.local.add({ start: replica, end: replica + 1 }, values);
    if (bucket.local.complete) this.#publish(bucketIndex, bucket);
  }

  /** A peer's sum over `node` of one segment of the own slice. */
  addSegment(bucketIndex: number, node: Range, start: number, values: Float32Array): void {
    const bucket = at(this.#buckets, bucketIndex);
    const first = this.#layout.slice(bucketIndex).start;
    const segment = Math.floor((start - first) / this.#layout.segmentValues);
    this.#add(bucketIndex, bucket, segment, { node, values, isTarget: false });
  }

  /**
   * A reduced segment of a peer's slice. It may overwrite the own sums there: the peer could reduce it only after it
   * had received them.
   */
  setSegment(bucketIndex: number, start: number, values: Float32Array): void {
    const { result } = at(this.#buckets, bucketIndex);
    invariant(result !== undefined, 'no peer can reduce a step before this worker contributed to it');
    result.set(values, start);
    this.#arrived(values.length);
  }

  /**
   * Values [start, end) of a chunk that a peer asks for, or `undefined` while they aren't there.
   * @throws LockstepError collective/stale for parts of a step that is done
   */
  read(request: ChunkRequest, start: number, end: number): Float32Array | undefined {
    const bucket = at(this.#buckets, request.bucket);
    if (request.stage === 'reduce') {
      if (this.#done) {
        throw new LockstepError('collective/stale', `step ${this.step} is reduced; its parts are gone`, {
          action: 'discard',
        });
      }
      return bucket.nodes?.find(({ node }) => node.start === request.node.start)?.values.subarray(start, end);
    }
    const first = this.#layout.slice(request.bucket).start;
    const { segmentValues } = this.#layout;
    const [from, to] = [Math.floor((start - first) / segmentValues), Math.ceil((end - first) / segmentValues)];
    for (let index = from; index < to; index++) if (bucket.reducedSegments[index] !== true) return undefined;
    return bucket.reduced?.subarray(start - first, end - first);
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
    return this.#buckets.map(({ reduced }) => reduced);
  }

  fail(error: LockstepError): void {
    this.#reject(error);
  }

  /** All hosted replicas contributed to a bucket: peers may read it, and the own part joins the sums. */
  #publish(index: number, bucket: BucketState): void {
    bucket.nodes = bucket.local.take();
    bucket.result = at(bucket.nodes, 0).values;
    const alone = this.#layout.members.length === 1;
    for (const { node, values } of alone ? [] : bucket.nodes) {
      for (const [segment, { start, end }] of bucket.segments.entries()) {
        const isTarget = values === bucket.result;
        this.#add(index, bucket, segment, { node, values: values.subarray(start, end), isTarget });
      }
    }
    this.#wake();
    this.#arrived(alone ? bucket.length : 0);
  }

  #add(bucketIndex: number, bucket: BucketState, segment: number, part: NodeSum & { isTarget: boolean }): void {
    const sum = at(bucket.sums, segment);
    sum.add(part.node, part.values, part.isTarget);
    if (!sum.complete) return;
    const { start, end } = at(bucket.segments, segment);
    // The total is in `result`: that is where sums with the first own node are made.
    const total = at(sum.take(), 0).values;
    const slice = this.#layout.slice(bucketIndex);
    bucket.reduced ??= this.#spares[bucketIndex] ?? new Float32Array(slice.end - slice.start);
    bucket.reduced.set(total, start - slice.start);
    bucket.reducedSegments[segment] = true;
    this.#wake();
    this.#arrived(end - start);
  }

  #arrived(values: number): void {
    this.#missingValues -= values;
    if (this.#missingValues > 0 || !this.#buckets.every((bucket) => bucket.result !== undefined)) return;
    this.#done = true;
    const results = this.#buckets.map(({ result }) => ownBuffer(result as Float32Array));
    for (const bucket of this.#buckets) {
      // Every peer has what it needs of these: it could not have delivered its slice otherwise.
      bucket.nodes = undefined;
      bucket.result = undefined;
    }
    this.#resolve(results);
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}

function makeBucket(length: number, bucket: number, layout: Layout): BucketState {
  const segments = layout.members.length === 1 ? [] : layout.segments(layout.slice(bucket));
  const all = { start: 0, end: layout.replicas };
  return {
    length,
    local: new TreeSum(layout.hosted, layout.replicas, length),
    nodes: undefined,
    result: undefined,
    segments,
    sums: segments.map(({ start, end }) => new TreeSum(all, layout.replicas, end - start)),
    reducedSegments: segments.map(() => false),
    reduced: undefined,
  };
}

/** Results are transferred to another thread: each needs a buffer of its own. */
function ownBuffer(values: Float32Array): Float32Array {
  return values.byteLength === values.buffer.byteLength ? values : values.slice();
}
