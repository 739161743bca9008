import { at, type Clock, invariant, LockstepError } from '../../shared/core/index.ts';
import { Layout } from './layout.ts';
import { type Spares, StepReduction } from './step-reduction.ts';
import type { ChunkRequest, ChunkSource, Member, PeerLinks, SegmentSink, Transport } from './transport.ts';
import type { WireFormat } from './wire-format.ts';

export interface DirectAllreduceOptions {
  readonly runId: string;
  readonly generation: number;
  readonly rank: number;
  /** In rank order; their replicas, one after the other, are all replicas. */
  readonly members: readonly Member[];
  readonly replicas: number;
  /** Values in each bucket of a contribution. */
  readonly bucketLengths: readonly number[];
  readonly transport: Transport;
  readonly segmentBytes: number;
  readonly segmentTimeoutMs: number;
  readonly clock: Clock;
}

/**
 * The sum over all replicas in one generation: direct reduce-scatter, then all-gather. Each of the W ranks owns an
 * even slice of every bucket, pulls the others' subtree sums over that slice, adds them along the canonical tree, and
 * pulls the other slices when they are reduced. Two latency steps; each rank receives (for one node per rank) and
 * sends 2·(W−1)/W of the bytes. See docs/collectives.md.
 */
export class DirectAllreduce implements ChunkSource {
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

  private constructor(options: DirectAllreduceOptions) {
    this.runId = options.runId;
    this.generation = options.generation;
    this.#layout = new Layout(options);
    this.segmentValues = this.#layout.segmentValues;
    const { rank, members, segmentTimeoutMs, clock } = options;
    const alone = members.length === 1;
    this.#links = alone ? undefined : options.transport.join({ source: this, rank, members, segmentTimeoutMs, clock });
  }

  /** Connects to the peers in the background: a peer that can't be reached makes `result` reject. */
  static create(options: DirectAllreduceOptions): DirectAllreduce {
    return new DirectAllreduce(options);
  }

  /** One bucket of a hosted replica in `step`, in any order of replicas. Takes ownership of the array. */
  contribute(step: number, replica: number, bucket: number, values: Float32Array): void {
    const reduction = this.#reduction(step);
    if (step > this.#pulling) {
      this.#pulling = step;
      this.#pull(reduction);
    }
    reduction.contribute(replica, bucket, values);
  }

  /**
   * The buckets summed over all replicas; each has an ArrayBuffer of its own, and belongs to the caller.
   * @throws LockstepError run/worker-lost, collective/timeout, collective/corrupt, collective/stale
   */
  result(step: number): Promise<Float32Array[]> {
    return this.#reduction(step).result;
  }

  read(request: ChunkRequest, fromWorker: string, start: number, end: number): Float32Array | Promise<Float32Array> {
    this.#layout.check(request, fromWorker);
    const reduction = this.#reduction(request.step);
    return reduction.read(request, start, end) ?? readLater(reduction, request, start, end);
  }

  /** Unfinished results reject. Idempotent. */
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
    reduction = new StepReduction(step, this.#layout, this.#spares);
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

  /**
   * Asks every peer for its part. Answers come in the order of the requests, and a bucket is gathered after the next
   * one's reduction was asked for: the peers reduce bucket k while bucket k+1 travels.
   */
  #pull(reduction: StepReduction): void {
    const buckets = this.#layout.bucketLengths.length;
    for (const peer of this.#layout.members) {
      if (peer.rank === this.#layout.rank) continue;
      for (let bucket = 0; bucket <= buckets; bucket++) {
        if (bucket < buckets) this.#pullReduce(reduction, peer.rank, bucket);
        if (bucket > 0) this.#pullGather(reduction, peer.rank, bucket - 1);
      }
    }
  }

  #pullReduce(reduction: StepReduction, rank: number, bucket: number): void {
    const { start, end } = this.#layout.slice(bucket);
    for (const node of at(this.#layout.nodes, rank)) {
      this.#request(rank, { step: reduction.step, bucket, stage: 'reduce', node, start, end }, (first, values) =>
        reduction.addSegment(bucket, node, first, values),
      );
    }
  }

  #pullGather(reduction: StepReduction, rank: number, bucket: number): void {
    const { start, end } = this.#layout.slice(bucket, rank);
    const node = { start: 0, end: this.#layout.replicas };
    this.#request(rank, { step: reduction.step, bucket, stage: 'gather', node, start, end }, (first, values) =>
      reduction.setSegment(bucket, first, values),
    );
  }

  #request(rank: number, request: ChunkRequest, sink: (start: number, values: Float32Array) => void): void {
    if (request.start === request.end) return;
    const floats: SegmentSink = (start, values) => {
      invariant(values instanceof Float32Array, 'a generation of float32 gets float32');
      sink(start, values);
    };
    this.#links?.pull(rank, request, floats).catch((error: LockstepError) => this.#fail(error));
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
