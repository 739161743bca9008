import { type Clock, invariant, LockstepError } from '../../shared/core/index.ts';
import type { AlgorithmChoice } from './algorithm.ts';
import { Layout } from './layout.ts';
import { type Spares, StepReduction } from './step-reduction.ts';
import type {
  ChunkRequest,
  ChunkSource,
  Member,
  PeerLinks,
  SegmentPlace,
  SegmentSink,
  Transport,
} from './transport.ts';
import type { WireFormat } from './wire-format.ts';

export interface AllreduceOptions {
  readonly runId: string;
  readonly generation: number;
  readonly rank: number;
  /** In rank order; their replicas, one after the other, are all replicas. */
  readonly members: readonly Member[];
  readonly replicas: number;
  /** Values in each bucket of a contribution. */
  readonly bucketLengths: readonly number[];
  readonly transport: Transport;
  /** The same on all members; changes the speed and no bit. */
  readonly algorithm: AlgorithmChoice;
  readonly segmentBytes: number;
  readonly segmentTimeoutMs: number;
  readonly clock: Clock;
}

/** Sums of all replicas' contributions, step by step, in one generation: the same bits on every worker. */
export interface Allreduce {
  /** One bucket of a hosted replica in `step`, in any order of replicas. Takes ownership of the array. */
  contribute(step: number, replica: number, bucket: number, values: Float32Array): void;
  /**
   * The buckets summed over all replicas; each has an ArrayBuffer of its own, and belongs to the caller.
   * @throws LockstepError run/worker-lost, collective/timeout, collective/corrupt, collective/stale
   */
  result(step: number): Promise<Float32Array[]>;
  /** Unfinished results reject. Idempotent. */
  close(): void;
}

/** Connects to the peers in the background: a peer that can't be reached makes `result` reject. */
export function createAllreduce(options: AllreduceOptions): Allreduce {
  return new PulledAllreduce(options);
}

/**
 * Any algorithm over pulled chunks: the layout says which sums and which reduced values to ask which peer for, and the
 * canonical tree in which order to add them, whenever they come.
 */
class PulledAllreduce implements Allreduce, ChunkSource {
  readonly runId: string;
  readonly generation: number;
  readonly wire: WireFormat = 'float32';
  readonly segmentValues: number;
  readonly #layout: Layout;
  readonly #links: PeerLinks | undefined;
  /** The last completed step, which peers may still gather, and the one or two in progress. */
  readonly #steps = new Map<number, StepReduction>();
  #spares: Spares = [];
  #oldest = 0;
  #pulling = -1;
  #failure: LockstepError | undefined;

  constructor(options: AllreduceOptions) {
    this.runId = options.runId;
    this.generation = options.generation;
    this.#layout = new Layout(options);
    this.segmentValues = this.#layout.segmentValues;
    const { rank, members, segmentTimeoutMs, clock } = options;
    const alone = members.length === 1;
    this.#links = alone ? undefined : options.transport.join({ source: this, rank, members, segmentTimeoutMs, clock });
  }

  contribute(step: number, replica: number, bucket: number, values: Float32Array): void {
    const reduction = this.#reduction(step);
    if (step > this.#pulling) {
      this.#pulling = step;
      this.#pull(reduction);
    }
    reduction.contribute(replica, bucket, values);
  }

  result(step: number): Promise<Float32Array[]> {
    return this.#reduction(step).result;
  }

  read(request: ChunkRequest, fromWorker: string, start: number, end: number): Float32Array | Promise<Float32Array> {
    this.#layout.check(request, fromWorker);
    const reduction = this.#reduction(request.step);
    return reduction.read(request, start, end) ?? readLater(reduction, request, start, end);
  }

  close(): void {
    this.#fail(new LockstepError('collective/stale', `generation ${this.generation} is over`, { action: 'discard' }));
    this.#links?.close();
    this.#steps.clear();
  }

  #reduction(step: number): StepReduction {
    let reduction = this.#steps.get(step);
    if (reduction !== undefined) return reduction;
    // One completed, one in progress, and the next one, which a faster peer asks for.
    if (step < this.#oldest || this.#steps.size >= 3) {
      throw new LockstepError(
        'collective/stale',
        `rank ${this.#layout.rank} holds steps ${[...this.#steps.keys()].join(', ')} of generation ${this.generation}, ` +
          `not step ${step}`,
        { details: { step }, action: 'discard' },
      );
    }
    reduction = new StepReduction(step, this.#layout, this.#spares, (values) => this.#links?.recycle(values));
    this.#spares = [];
    this.#steps.set(step, reduction);
    if (this.#failure !== undefined) reduction.fail(this.#failure);
    reduction.result.then(
      () => this.#completed(step),
      () => {},
    );
    return reduction;
  }

  /** Everyone contributed to `step`, so everyone has applied the step before it. */
  #completed(step: number): void {
    this.#oldest = step;
    for (const [older, reduction] of [...this.#steps]) {
      if (older >= step) continue;
      this.#spares = reduction.spares();
      this.#steps.delete(older);
    }
  }

  #pull(reduction: StepReduction): void {
    for (const { rank, ...chunk } of this.#layout.pulls) {
      const request = { step: reduction.step, ...chunk };
      const { bucket, node } = chunk;
      const sink: SegmentSink = (start, values) => {
        invariant(values instanceof Float32Array, 'a generation of float32 gets float32');
        if (chunk.stage === 'reduce') reduction.addSegment(bucket, node, start, values);
        else reduction.setSegment(bucket, start, values);
      };
      const place: SegmentPlace = (start, end) =>
        chunk.stage === 'gather' ? reduction.place(bucket, start, end) : undefined;
      this.#links?.pull(rank, request, sink, place).catch((error: LockstepError) => this.#fail(error));
    }
  }

  /** A generation that lost a part of a step cannot go on: all its results fail with the first reason. */
  #fail(error: LockstepError): void {
    this.#failure ??= error;
    for (const reduction of this.#steps.values()) reduction.fail(this.#failure);
  }
}

async function readLater(
  reduction: StepReduction,
  request: ChunkRequest,
  start: number,
  end: number,
): Promise<Float32Array> {
  for (;;) {
    await reduction.changed();
    const values = reduction.read(request, start, end);
    if (values !== undefined) return values;
  }
}
