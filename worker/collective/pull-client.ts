import { type Clock, LockstepError } from '../../shared/core/index.ts';
import { isConnectionLost, type PullRequest, type StreamEvents } from '../../shared/rpc/index.ts';
import { decodeSegment, type Segment } from './segment-codec.ts';
import type { ChunkRequest, Member, SegmentSink } from './transport.ts';
import { type Sender, stageNumbers, toPullRequest } from './wire.ts';
import { valueBytes } from './wire-format.ts';

export interface PullClientOptions {
  readonly rank: number;
  readonly peer: Member;
  readonly sender: Sender;
  readonly segmentValues: number;
  readonly segmentTimeoutMs: number;
  readonly clock: Clock;
}

interface Pull {
  readonly request: ChunkRequest;
  readonly sink: SegmentSink;
  /** First value still to come. */
  next: number;
  resolve(): void;
  reject(error: LockstepError): void;
}

type Send = (request: PullRequest) => void;

/** This worker's requests to one peer, in order, and the checks of what comes back. */
export class PullClient implements StreamEvents<Uint8Array> {
  readonly #options: PullClientOptions;
  readonly #pulls: Pull[] = [];
  #send: Send | undefined;
  #failure: LockstepError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #heardMs = 0;

  constructor(options: PullClientOptions) {
    this.#options = options;
  }

  /** The stream to the peer is open: sends what was asked for until now, and the rest as it comes. */
  start(send: Send): void {
    this.#send = send;
    for (const { request } of this.#pulls) send(toPullRequest(request, this.#options.sender));
    this.#watch();
  }

  pull(request: ChunkRequest, sink: SegmentSink): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pulls.push({ request, sink, next: request.start, resolve, reject });
      this.#send?.(toPullRequest(request, this.#options.sender));
      this.#watch();
    });
  }

  message(bytes: Uint8Array): void {
    const segment = decodeSegment(bytes, this.#options.sender.wire, this.#name());
    const pull = this.#pulls[0];
    if (pull === undefined) throw this.#corrupt(`${segment.payload.byteLength} bytes that nobody asked for`);
    this.#check(pull, segment);
    this.#heardMs = this.#options.clock.now();
    if (segment.payload.length === 0) return;
    const start = pull.next;
    pull.next += segment.payload.length;
    pull.sink(start, segment.payload);
    if (pull.next < pull.request.end) return;
    this.#pulls.shift();
    if (this.#pulls.length === 0) this.#stopWatch();
    pull.resolve();
  }

  closed(error: LockstepError | null): void {
    this.fail(error ?? this.#lost('it ended the stream'));
  }

  /** Ends all pulls, those to come also. */
  fail(cause: LockstepError): void {
    if (this.#failure !== undefined) return;
    this.#stopWatch();
    this.#failure = isConnectionLost(cause) ? this.#lost(cause.message, cause) : cause;
    for (const pull of this.#pulls.splice(0)) pull.reject(this.#failure);
  }

  /** The segment must be the next one of the oldest request: nothing left out, repeated, short or long. */
  #check(pull: Pull, segment: Segment): void {
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
    if (segment.payload.length !== 0 && segment.payload.length !== expected) {
      const bytes = segment.payload.byteLength;
      throw this.#corrupt(`${bytes} bytes for ${this.#awaited(pull)}, ${expected * this.#valueBytes} expected`);
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
    return `bucket ${request.bucket} bytes ${next * this.#valueBytes}–${end * this.#valueBytes}`;
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
