import { at, type Clock, LockstepError } from '../../shared/core/index.ts';
import type { Algorithm, AlgorithmChoice } from './algorithm.ts';
import { fromWire, toWire } from './bucket-shape.ts';
import { type CostInputs, defaultCosts, type Prediction } from './cost-model.ts';
import { GroupExchange } from './group-exchange.ts';
import { Layouts } from './layouts.ts';
import { endProbe, probeLinks } from './link-probe.ts';
import { Shelf } from './shelf.ts';
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
import type { WireFormat, WireValues } from './wire-format.ts';

export interface AllreduceOptions {
  readonly runId: string;
  readonly generation: number;
  readonly rank: number;
  /** In rank order; their replicas, one after the other, are all replicas. */
  readonly members: readonly Member[];
  readonly replicas: number;
  /** Values in each bucket of a contribution; null where each step has its own, which `begin` tells. */
  readonly bucketLengths: readonly number[] | null;
  /** What each bucket is summed as; float32 when absent. */
  readonly bucketFormats?: readonly WireFormat[];
  /** Most values of float32 buckets are zero; changes the bytes on the wire and no bit of a sum. */
  readonly sparse?: boolean;
  readonly transport: Transport;
  /** The same on all members; changes the speed and no bit. */
  readonly algorithm: AlgorithmChoice;
  readonly segmentBytes: number;
  readonly segmentTimeoutMs: number;
  readonly clock: Clock;
}

/** How the members of a generation exchange; the same on all of them. */
export interface ExchangeChoice {
  /** Null where each step has lengths of its own, and is chosen for. */
  readonly algorithm: Algorithm | null;
  /** What the links measured; null where the algorithm was given, or nothing is exchanged. */
  readonly costs: CostInputs | null;
  /** Of all algorithms, the chosen one first; none where nothing was measured. */
  readonly predictions: readonly Prediction[];
}

/** Sums of all replicas' contributions, step by step, in one generation: the same bits on every worker. */
export interface Allreduce {
  /**
   * Resolves when the algorithm is known: with `auto`, once the links to the peers were measured. Nothing is begun or
   * contributed before. Throws what `result` throws.
   */
  readonly ready: Promise<ExchangeChoice>;
  /**
   * Says what `step` reduces, before it is contributed to: the same on all members. Only for an allreduce without
   * lengths of its own.
   */
  begin(step: number, bucketLengths: readonly number[]): void;
  /**
   * One bucket of a hosted replica in `step`, in any order of replicas. Takes ownership of the array. Floats are rounded
   * for a bfloat16 bucket.
   */
  contribute(step: number, replica: number, bucket: number, values: WireValues): void;
  /**
   * The buckets summed over all replicas, in their formats; each has an ArrayBuffer of its own, and belongs to the caller.
   * @throws LockstepError run/worker-lost, collective/timeout, collective/corrupt, collective/stale
   */
  result(step: number): Promise<WireValues[]>;
  /** What else the generation's workers exchange. */
  readonly group: GroupExchange;
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
  readonly wire: WireFormat;
  readonly segmentValues: number;
  readonly sparse: boolean;
  readonly #layouts: Layouts;
  readonly #rank: number;
  readonly #links: PeerLinks | undefined;
  readonly #shelf: Shelf;
  readonly #group: GroupExchange;
  readonly ready: Promise<ExchangeChoice>;
  /** The last completed step, which peers may still gather, and the one or two in progress. */
  readonly #steps = new Map<number, StepReduction>();
  #spares: Spares = [];
  #oldest = 0;
  #pulling = -1;
  #failure: LockstepError | undefined;

  constructor(options: AllreduceOptions) {
    this.runId = options.runId;
    this.generation = options.generation;
    this.#layouts = new Layouts(options);
    this.#rank = options.rank;
    this.wire = this.#layouts.wire;
    this.segmentValues = this.#layouts.segmentValues;
    this.sparse = options.sparse === true && this.wire === 'float32';
    const { rank, members, segmentTimeoutMs, clock } = options;
    const alone = members.length === 1;
    this.#links = alone ? undefined : options.transport.join({ source: this, rank, members, segmentTimeoutMs, clock });
    this.#shelf = new Shelf({ rank, generation: this.generation, wire: this.wire, links: this.#links });
    this.#group = new GroupExchange(this.#shelf, rank, members.length);
    this.ready = this.#choose(options);
    // Whoever waits for it hears; others hear from `result`.
    this.ready.catch((error: LockstepError) => this.#fail(error));
  }

  begin(step: number, bucketLengths: readonly number[]): void {
    this.#layouts.begin(step, bucketLengths);
  }

  contribute(step: number, replica: number, bucket: number, values: WireValues): void {
    const reduction = this.#reduction(step);
    if (step > this.#pulling) {
      this.#pulling = step;
      this.#pull(reduction);
    }
    reduction.contribute(replica, bucket, values);
  }

  result(step: number): Promise<WireValues[]> {
    return this.#reduction(step).result;
  }

  get group(): GroupExchange {
    return this.#group;
  }

  read(request: ChunkRequest, fromWorker: string, start: number, end: number): WireValues | Promise<WireValues> {
    if (request.stage === 'shelf') {
      this.#layouts.memberOf(fromWorker);
      return this.#shelf.read(request, start, end);
    }
    const { step } = request;
    // A faster peer may ask for what this worker did not come to yet.
    const begun = step < this.#oldest ? undefined : this.#layouts.begun(step);
    if (begun !== undefined) return begun.then(() => this.read(request, fromWorker, start, end));
    if (step < this.#oldest) this.#reduction(step);
    const asked = this.#layouts.of(step).check({ ...request, start, end }, fromWorker);
    const reduction = this.#reduction(step);
    const values = reduction.read(asked);
    return values === undefined ? readLater(reduction, asked, this.wire) : toWire(values, this.wire);
  }

  close(): void {
    this.#fail(new LockstepError('collective/stale', `generation ${this.generation} is over`, { action: 'discard' }));
    this.#links?.close();
    this.#steps.clear();
  }

  async #choose({ algorithm, ...options }: AllreduceOptions): Promise<ExchangeChoice> {
    if (algorithm !== 'auto') return { algorithm, costs: null, predictions: [] };
    const alone = options.members.length === 1;
    const costs = alone ? defaultCosts : await probeLinks({ shelf: this.#shelf, ...options });
    const predictions = this.#layouts.settle(costs);
    const chosen = { algorithm: predictions[0]?.algorithm ?? null };
    return alone ? { ...chosen, costs: null, predictions: [] } : { ...chosen, costs, predictions };
  }

  #reduction(step: number): StepReduction {
    let reduction = this.#steps.get(step);
    if (reduction !== undefined) return reduction;
    // One completed, one in progress, and the next one, which a faster peer asks for.
    if (step < this.#oldest || this.#steps.size >= 3) {
      throw new LockstepError(
        'collective/stale',
        `rank ${this.#rank} holds steps ${[...this.#steps.keys()].join(', ')} of generation ${this.generation}, ` +
          `not step ${step}`,
        { details: { step }, action: 'discard' },
      );
    }
    const spares = this.#layouts.areEqual ? this.#spares : [];
    reduction = new StepReduction(step, this.#layouts.of(step), spares, (values) => this.#links?.recycle(values));
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
    endProbe(this.#shelf);
    this.#oldest = step;
    for (const [older, reduction] of [...this.#steps]) {
      if (older >= step) continue;
      this.#spares = reduction.spares();
      this.#steps.delete(older);
      this.#layouts.end(older);
    }
  }

  #pull(reduction: StepReduction): void {
    const layout = this.#layouts.of(reduction.step);
    for (const { rank, ...chunk } of layout.pulls) {
      const { bucket, node, stage } = chunk;
      const { format } = at(layout.buckets, bucket);
      const width = layout.width(bucket);
      const request = { ...chunk, step: reduction.step, start: chunk.start * width, end: chunk.end * width };
      const sink: SegmentSink = (start, sent) => {
        const values = fromWire(sent, format);
        if (stage === 'reduce') reduction.addSegment(bucket, node, start / width, values);
        else reduction.setSegment(bucket, start / width, values);
      };
      const place: SegmentPlace = (start, end) => {
        const values = stage === 'gather' ? reduction.place(bucket, start / width, end / width) : undefined;
        return values && toWire(values, this.wire);
      };
      this.#links?.pull(rank, request, sink, place).catch((error: LockstepError) => this.#fail(error));
    }
  }

  /** A generation that lost a part of a step cannot go on: all its results fail with the first reason. */
  #fail(error: LockstepError): void {
    this.#failure ??= error;
    this.#layouts.fail(this.#failure);
    for (const reduction of this.#steps.values()) reduction.fail(this.#failure);
    this.#shelf.fail(this.#failure);
  }
}

async function readLater(reduction: StepReduction, request: ChunkRequest, wire: WireFormat): Promise<WireValues> {
  for (;;) {
    await reduction.changed();
    const values = reduction.read(request);
    if (values !== undefined) return toWire(values, wire);
  }
}
