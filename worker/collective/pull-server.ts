import { LockstepError } from '../../shared/core/index.ts';
import {
  connectionLost,
  type MessageStream,
  type OutgoingMessage,
  type PullRequest,
  type StreamEvents,
} from '../../shared/rpc/index.ts';
import { type SegmentHeader, segmentMessage, sharedSegmentMessage, sparseSegmentMessage } from './segment-codec.ts';
import type { SendingSlots, SharedMemoryOffer } from './shared-slots.ts';
import type { SourceRegistry } from './source-registry.ts';
import { toSparse } from './sparse-values.ts';
import type { ChunkRequest } from './transport.ts';
import { eachRequest, fromPullRequest, type Sender, stageNumbers } from './wire.ts';
import { valueBytes, type WireValues } from './wire-format.ts';

/**
 * While what a peer asks for is not there yet (this worker still computes), an empty segment goes out this often. So
 * a peer's segment timeout measures the silence of a worker, not how long its step takes.
 */
const noticeIntervalMs = 250;
/** Below this a payload travels in its message: two copies of it cost less than two calls of the system. */
const smallestSharedBytes = 16 * 1024;
/** A peer asks for at most two steps ahead: two requests for each bucket and node. */
const maxQueuedRequests = 65_536;

export type PullStream = MessageStream<OutgoingMessage, PullRequest>;

/** Memory that a peer offers, if it can be used; `undefined` if payloads have to travel in messages. */
export type AcceptOffer = (offer: SharedMemoryOffer, workerId: string) => SendingSlots | undefined;

/** Answers the requests of one peer's stream, in their order. */
export function answerPulls(
  stream: PullStream,
  registry: SourceRegistry,
  accept: AcceptOffer = () => undefined,
): StreamEvents<PullRequest> {
  return new PullServer(stream, registry, accept);
}

class PullServer implements StreamEvents<PullRequest> {
  readonly #stream: PullStream;
  readonly #registry: SourceRegistry;
  readonly #accept: AcceptOffer;
  readonly #queue: PullRequest[] = [];
  #answering = false;
  #slots: SendingSlots | undefined;
  /** Ends the wait for a free slot. */
  #released: () => void = () => {};
  /** Ends the wait that is going on when the stream closes. */
  #abandon: (error: LockstepError) => void = () => {};

  constructor(stream: PullStream, registry: SourceRegistry, accept: AcceptOffer) {
    this.#stream = stream;
    this.#registry = registry;
    this.#accept = accept;
  }

  message(request: PullRequest): void {
    if (request.offer) {
      this.#slots ??= this.#accept(request.offer as SharedMemoryOffer, request.fromWorker ?? '');
      return;
    }
    if (request.taken) {
      this.#release(request.taken);
      if (!request.runId) return;
    }
    const open = this.#queue.length + (request.more?.length ?? 0);
    if (open >= maxQueuedRequests) {
      throw new LockstepError('collective/corrupt', `${this.#stream.peer} has ${open} requests open`);
    }
    this.#queue.push(...eachRequest(request));
    if (!this.#answering) void this.#answerAll();
  }

  closed(error: LockstepError | null): void {
    this.#queue.length = 0;
    this.#slots?.close();
    this.#slots = undefined;
    this.#abandon(error ?? connectionLost(this.#stream.peer, 'it ended the stream'));
  }

  async #answerAll(): Promise<void> {
    this.#answering = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined && this.#stream.open; next = this.#queue.shift()) {
        await this.#answer(next);
      }
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      this.#stream.abort(error);
    }
    this.#answering = false;
  }

  async #answer(message: PullRequest): Promise<void> {
    const { request, sender } = fromPullRequest(message);
    this.#stream.rename(`worker ${sender.workerId}`);
    const found = this.#registry.find(sender.runId, sender.generation);
    const source = found instanceof Promise ? await this.#wait(found, headerOf(request, sender, request.start)) : found;
    if (source.wire !== sender.wire) {
      throw new LockstepError(
        'collective/corrupt',
        `worker ${sender.workerId} asked for ${sender.wire} values in a generation of ${source.wire} values`,
      );
    }
    for (let start = request.start; start < request.end && this.#stream.open; ) {
      const end = Math.min(start + source.segmentValues, request.end);
      const header = headerOf(request, sender, start);
      const read = source.read(request, sender.workerId, start, end);
      const values = read instanceof Promise ? await this.#wait(read, header) : read;
      const isSparse = source.sparse === true && request.stage !== 'shelf' && values instanceof Float32Array;
      const entries = isSparse ? toSparse(values) : undefined;
      if (entries === undefined) await this.#send(header, values);
      else await this.#stream.send(sparseSegmentMessage(header, entries, values.length));
      start = end;
    }
  }

  async #send(header: SegmentHeader, values: WireValues): Promise<void> {
    const slots = this.#slots;
    const fits = values.byteLength >= smallestSharedBytes && values.byteLength <= (slots?.slotBytes ?? 0);
    if (slots === undefined || !fits) return this.#stream.send(segmentMessage(header, values));
    while (slots.full) {
      await this.#wait(this.#nextRelease(), header);
    }
    return this.#stream.send(this.#share(slots, header, values));
  }

  #share(slots: SendingSlots, header: SegmentHeader, values: WireValues): OutgoingMessage {
    try {
      return sharedSegmentMessage(header, slots.put(values));
    } catch {
      // The system fails to write memory that is allocated: nothing that this worker knows to mend, and no loss.
      slots.close();
      this.#slots = undefined;
      return segmentMessage(header, values);
    }
  }

  #nextRelease(): Promise<void> {
    return new Promise((resolve) => {
      this.#released = resolve;
    });
  }

  #release(taken: number): void {
    if (this.#slots?.release(taken) !== true) {
      throw new LockstepError('collective/corrupt', `${this.#stream.peer} took ${taken} payloads, which it never got`);
    }
    this.#released();
  }

  /** Tells the peer that this worker is alive while it waits, and ends with the stream. */
  #wait<T>(what: Promise<T>, header: SegmentHeader): Promise<T> {
    const notice = segmentMessage(header, new Float32Array(0));
    const timer = setInterval(() => void this.#stream.send(notice), noticeIntervalMs);
    return new Promise<T>((resolve, reject) => {
      this.#abandon = reject;
      what.then(resolve, reject);
    }).finally(() => clearInterval(timer));
  }
}

function headerOf(request: ChunkRequest, sender: Sender, start: number): SegmentHeader {
  return {
    generation: sender.generation,
    step: request.step,
    bucket: request.bucket,
    stage: stageNumbers[request.stage],
    offset: start * valueBytes[sender.wire],
  };
}
