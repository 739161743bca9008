import type { RunSettings } from '../../shared/config/index.ts';
import { LockstepError, monotonicClock } from '../../shared/core/index.ts';
import {
  type Allreduce,
  createAllreduce,
  type ExchangeChoice,
  type Member,
  type Transport,
  type WireFormat,
  type WireValues,
} from '../collective/index.ts';
import type { LinkToMain, MainToLink } from './protocol.ts';

type ToMain = (message: LinkToMain, transfer?: readonly ArrayBuffer[]) => void;
type Of<K extends MainToLink['kind']> = Extract<MainToLink, { kind: K }>;

/** What a step reduces; the same in all generations. */
interface Shape {
  /** Null where `begin` tells those of each step. */
  readonly bucketLengths: readonly number[] | null;
  readonly bucketFormats: readonly WireFormat[];
  readonly sparse: boolean;
}

export interface ExchangeGeneration {
  readonly runId: string;
  readonly generation: number;
  readonly settings: RunSettings;
  readonly members: readonly Member[];
  readonly rank: number;
  readonly transport: Transport;
}

export interface ExchangeOutput {
  readonly toMain: ToMain;
  /** A peer's fault in the generation in progress. */
  readonly peerFailed: (error: LockstepError) => void;
}

/**
 * The link thread's side of what the main thread exchanges with peers, generation after generation. Once a generation is
 * left, nothing more of it reaches the main thread.
 */
export class GenerationExchange {
  readonly #output: ExchangeOutput;
  #shape: Shape = { bucketLengths: [], bucketFormats: [], sparse: false };
  #generation = 0;
  #allreduce: Allreduce | undefined;
  #hostedReplicas = 0;
  /** Of the step in progress. */
  #buckets = 0;
  /** Buckets of the step in progress that came from the main thread. */
  #contributed = 0;
  /** Versions of what others may take. */
  #offered: number[] = [];

  constructor(output: ExchangeOutput) {
    this.#output = output;
  }

  shape({ bucketLengths, bucketFormats, sparse }: Shape): void {
    this.#shape = { bucketLengths, bucketFormats, sparse };
    this.#buckets = bucketLengths?.length ?? 0;
  }

  /** @param ready told how gradients will travel, once all members have agreed on it */
  enter(
    { generation, settings, members, rank, ...parts }: ExchangeGeneration,
    ready: (exchange: ExchangeChoice) => void,
  ): void {
    this.leave();
    const { bucketLengths, bucketFormats, sparse } = this.#shape;
    const replicas = members[rank]?.replicas ?? { start: 0, end: 0 };
    this.#generation = generation;
    this.#hostedReplicas = replicas.end - replicas.start;
    const { algorithm, segmentBytes, segmentTimeoutMs } = settings;
    const allreduce = createAllreduce({
      ...parts,
      ...{ generation, rank, members, bucketLengths, sparse, algorithm, segmentBytes, segmentTimeoutMs },
      ...(bucketLengths === null ? {} : { bucketFormats }),
      replicas: settings.replicas,
      clock: monotonicClock,
    });
    this.#allreduce = allreduce;
    allreduce.ready.then(
      (exchange) => {
        if (allreduce === this.#allreduce) ready(exchange);
      },
      (error: unknown) => this.#failed(allreduce, error),
    );
  }

  /** Peers that still want something of it are told that it is over. */
  leave(): void {
    this.#allreduce?.close();
    this.#allreduce = undefined;
    this.#contributed = 0;
    this.#offered = [];
  }

  begin({ step, bucketLengths }: Of<'begin'>): void {
    this.#buckets = bucketLengths.length;
    this.#allreduce?.begin(step, bucketLengths);
  }

  contribute({ generation, step, replica, bucket, values }: Of<'contribute'>): void {
    const allreduce = this.#allreduce;
    // The main thread learns later than this one that a generation is over.
    if (allreduce === undefined || generation !== this.#generation) return;
    allreduce.contribute(step, replica, bucket, values);
    if (++this.#contributed < this.#hostedReplicas * this.#buckets) return;
    this.#contributed = 0;
    allreduce.result(step).then(
      (reduced) => this.#deliver(allreduce, step, reduced),
      (error: unknown) => this.#failed(allreduce, error),
    );
  }

  offer({ version, entries }: Of<'offer'>): void {
    this.#offered.push(version);
    this.#allreduce?.group.offerState(version, entries);
  }

  take({ version, ranks }: Of<'take'>): void {
    const allreduce = this.#allreduce;
    allreduce?.group.takeState(version, ranks).then(
      (entries) => {
        if (allreduce === this.#allreduce) this.#output.toMain({ kind: 'taken', entries });
      },
      (error: unknown) => this.#failed(allreduce, error),
    );
  }

  #deliver(allreduce: Allreduce, step: number, buckets: readonly WireValues[]): void {
    if (allreduce !== this.#allreduce) return;
    // Everyone has contributed, so nobody lacks anything any more.
    for (const version of this.#offered.splice(0)) allreduce.group.withdrawState(version);
    this.#output.toMain(
      { kind: 'reduced', step, buckets },
      buckets.map((bucket) => bucket.buffer as ArrayBuffer),
    );
  }

  #failed(allreduce: Allreduce, error: unknown): void {
    if (allreduce !== this.#allreduce) return;
    this.#output.peerFailed(LockstepError.from(error, 'collective/timeout'));
  }
}
