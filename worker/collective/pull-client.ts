import { type Clock, LockstepError } from '../../shared/core/index.ts';
import { isConnectionLost, type PullRequest, type StreamEvents } from '../../shared/rpc/index.ts';
import type { PeerWaits } from './peer-waits.ts';
import { decodeSegment, type Segment, type SharedPayload } from './segment-codec.ts';
import type { SegmentPool } from './segment-pool.ts';
import type { ReceivingSlots } from './shared-slots.ts';
import { fromSparse } from './sparse-values.ts';
import type { ChunkRequest, Member, SegmentPlace, SegmentSink } from './transport.ts';
import { type Sender, stageNumbers, toPullRequest } from './wire.ts';
import { valueBytes, type WireValues } from './wire-format.ts';

export interface PullClientOptions {
  readonly rank: number;
  readonly peer: Member;
  readonly sender: Sender;
  readonly segmentValues: number;
  readonly segmentTimeoutMs: number;
  readonly clock: Clock;
  readonly waits: PeerWaits;
  /** Where segments out of shared memory go that have no other place. */
  readonly pool: SegmentPool;
}

interface Pull {
  readonly request: ChunkRequest;
  readonly sink: SegmentSink;
  readonly place: SegmentPlace | undefined;
  /** First value still to come. */
  next: number;
  resolve(): void;
  reject(error: LockstepError): void;
}

type Send = (request: PullRequest) => void;

/** Requests in a message, at most: a few dozen bytes each. */
const maxBatch = 1024;

/** This worker's requests to one peer, in order, and the checks of what comes back. */
export class PullClient implements StreamEvents<Uint8Array> {
  readonly #options: PullClientOptions;
  readonly #pulls: Pull[] = [];
  /** Requests that wait for the stream, or for others that are made in the same turn: a message costs more than a request. */
  #unsent: ChunkRequest[] = [];
  #send: Send | undefined;
  #slots: ReceivingSlots | undefined;
  /** Payloads that the peer knows to be taken out of shared memory. */
  #reported = 0;
  #failure: LockstepError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #heardMs = 0;

  constructor(options: PullClientOptions) {
    this.#options = options;
  }

  /**
   * The stream to the peer is open: sends what was asked for until now, and the rest as it comes.
   * @param slots memory to offer to the peer; closed by this client
   */
  start(send: Send, slots?: ReceivingSlots): void {
    this.#send = send;
    this.#slots = slots;
    if (slots !== undefined) send({ offer: slots.offer, fromWorker: this.#options.sender.workerId });
    if (this.#failure !== undefined) slots?.close();
    this.#sendRequests();
    this.#watch();
  }

  pull(request: ChunkRequest, sink: SegmentSink, place?: SegmentPlace): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pulls.push({ request, sink, place, next: request.start, resolve, reject });
      if (this.#unsent.push(request) === 1) queueMicrotask(() => this.#sendRequests());
      this.#watch();
      if (this.#pulls.length === 1) this.#countWait();
    });
  }

  message(bytes: Uint8Array): void {
    const segment = decodeSegment(bytes, this.#options.sender.wire, this.#name());
    const pull = this.#pulls[0];
    if (pull === undefined) throw this.#corrupt(`${segment.payload.byteLength} bytes that nobody asked for`);
    const count = this.#count(segment);
    this.#check(pull, segment, count);
    this.#heardMs = this.#options.clock.now();
    if (count === 0) return;
    const start = pull.next;
    const values = this.#values(pull, segment, count);
    pull.next += count;
    if (pull.next >= pull.request.end) this.#pulls.shift();
    this.#countWait();
    pull.sink(start, values);
    if (pull.next < pull.request.end) return;
    if (this.#pulls.length === 0) this.#stopWatch();
    pull.resolve();
  }

  #count({ payload, shared, sparse }: Segment): number {
    if (shared !== undefined) return shared.byteLength / this.#valueBytes;
    return sparse?.values ?? payload.length;
  }

  #values(pull: Pull, { payload, shared, sparse }: Segment, count: number): WireValues {
    if (shared !== undefined) return this.#takeShared(pull, shared, count);
    return sparse === undefined ? payload : fromSparse(sparse.entries, count, this.#name());
  }

  closed(error: LockstepError | null): void {
    this.fail(error ?? this.#lost('it ended the stream'));
  }

  /** Ends all pulls, those to come also. */
  fail(cause: LockstepError): void {
    if (this.#failure !== undefined) return;
    this.#stopWatch();
    this.#options.waits.end(this.#options.peer.workerId);
    this.#slots?.close();
    this.#failure = isConnectionLost(cause) ? this.#lost(cause.message, cause) : cause;
    for (const pull of this.#pulls.splice(0)) pull.reject(this.#failure);
  }

  #sendRequests(): void {
    if (this.#send === undefined || this.#failure !== undefined) return;
    while (this.#unsent.length > 0) {
      const message = toPullRequest(this.#unsent.splice(0, maxBatch), this.#options.sender);
      const taken = this.#slots?.taken ?? 0;
      this.#send(taken === this.#reported ? message : { ...message, taken });
      this.#reported = taken;
    }
  }

  /** The segment must be the next one of the oldest request: nothing left out, repeated, short or long. */
  #check(pull: Pull, segment: Segment, count: number): void {
    const { request, next } = pull;
    const { sender, segmentValues } = this.#options;
    if (segment.generation !== sender.generation) {
      throw this.#error('collective/stale', `sent a segment of generation ${segment.generation}`);
    }
    const isNext =
      segment.step === request.step &&
      segment.bucket === request.bucket &&
      segment.stage === stageNumbers[request.stage] &&
      segment.offset === next * this.#valueBytes;
    if (!isNext) {
      throw this.#corrupt(
        `bucket ${segment.bucket} byte ${segment.offset} of step ${segment.step} (stage ${segment.stage}) ` +
          `where ${this.#awaited(pull)} of step ${request.step} (stage ${stageNumbers[request.stage]}) was due`,
      );
    }
    const expected = Math.min(segmentValues, request.end - next);
    if (count !== 0 && count !== expected) {
      const [bytes, expectedBytes] = [count * this.#valueBytes, expected * this.#valueBytes];
      throw this.#corrupt(`${bytes} bytes for ${this.#awaited(pull)}, ${expectedBytes} expected`);
    }
  }

  /** The next payload, out of shared memory: one copy, to where it is wanted if the caller said so. */
  #takeShared(pull: Pull, { number, byteLength, checksum }: SharedPayload, count: number): WireValues {
    const slots = this.#slots;
    if (slots === undefined || byteLength > slots.offer.slotBytes || number !== slots.taken >>> 0) {
      const due = slots === undefined ? 'none was offered' : `number ${slots.taken} was due`;
      throw this.#corrupt(`payload ${number} of ${byteLength} bytes in shared memory where ${due}`);
    }
    const values = pull.place?.(pull.next, pull.next + count) ?? this.#options.pool.take(byteLength);
    const actual = this.#copyOut(slots, values);
    if (actual !== checksum) {
      throw this.#corrupt(
        `payload ${number} in shared memory with checksum ${actual}, ${checksum} expected, for ${this.#awaited(pull)}`,
      );
    }
    if ((slots.taken - this.#reported) * 2 >= slots.offer.slots) {
      this.#reported = slots.taken;
      this.#send?.({ taken: this.#reported });
    }
    return values;
  }

  /** A wait for one segment ended, or none was going on: another begins if the peer owes sums of its own next. */
  #countWait(): void {
    const { waits, peer } = this.#options;
    waits.end(peer.workerId);
    if (this.#pulls[0]?.request.stage === 'reduce') waits.begin(peer.workerId);
  }

  #copyOut(slots: ReceivingSlots, values: WireValues): number {
    try {
      return slots.take(values);
    } catch (error) {
      throw this.#corrupt(`a payload that cannot be read from shared memory (${(error as Error).message})`);
    }
  }

  /** Runs while something is due. One timer for many segments: it looks at how long the peer has been silent. */
  #watch(): void {
    if (this.#timer !== undefined || this.#pulls.length === 0 || this.#send === undefined) return;
    this.#heardMs = this.#options.clock.now();
    this.#arm(this.#options.segmentTimeoutMs);
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      const leftMs = this.#heardMs + this.#options.segmentTimeoutMs - this.#options.clock.now();
      if (leftMs > 0) this.#arm(leftMs);
      else this.#timedOut();
    }, ms);
  }

  #stopWatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #timedOut(): void {
    const pull = this.#pulls[0];
    if (pull === undefined) return;
    const { rank, segmentTimeoutMs, sender, peer } = this.#options;
    this.fail(
      new LockstepError(
        'collective/timeout',
        `rank ${rank} waited ${segmentTimeoutMs} ms for ${this.#awaited(pull)} from ${this.#name()} ` +
          `(generation ${sender.generation}, step ${pull.request.step})`,
        { details: { rank: peer.rank, workerId: peer.workerId, step: pull.request.step }, action: 'rejoin' },
      ),
    );
  }

  #awaited({ request, next }: Pull): string {
    const end = Math.min(next + this.#options.segmentValues, request.end);
    return `${request.stage === 'shelf' ? 'item' : 'bucket'} ${request.bucket} bytes ${next * this.#valueBytes}–${end * this.#valueBytes}`;
  }

  #lost(reason: string, cause?: LockstepError): LockstepError {
    const { rank, peer, sender } = this.#options;
    const pull = this.#pulls[0];
    const where = pull === undefined ? '' : ` while it waited for ${this.#awaited(pull)} of step ${pull.request.step}`;
    return new LockstepError(
      'run/worker-lost',
      `rank ${rank} lost ${this.#name()}${where} (generation ${sender.generation}): ${reason}`,
      {
        details: { rank: peer.rank, workerId: peer.workerId, address: peer.address, step: pull?.request.step },
        action: 'rejoin',
        cause,
      },
    );
  }

  #corrupt(what: string): LockstepError {
    return this.#error('collective/corrupt', `sent ${what}`);
  }

  #error(code: 'collective/corrupt' | 'collective/stale', what: string): LockstepError {
    const { rank, peer, sender } = this.#options;
    return new LockstepError(code, `${this.#name()} ${what} to rank ${rank} (generation ${sender.generation})`, {
      details: { rank: peer.rank, workerId: peer.workerId, address: peer.address },
      action: code === 'collective/stale' ? 'discard' : 'rejoin',
    });
  }

  get #valueBytes(): number {
    return valueBytes[this.#options.sender.wire];
  }

  #name(): string {
    return `rank ${this.#options.peer.rank} (worker ${this.#options.peer.workerId})`;
  }
}
