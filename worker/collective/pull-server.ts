import { LockstepError } from '../../shared/core/index.ts';
import {
  connectionLost,
  type MessageStream,
  type OutgoingMessage,
  type PullRequest,
  type StreamEvents,
} from '../../shared/rpc/index.ts';
import { type SegmentHeader, segmentMessage } from './segment-codec.ts';
import type { SourceRegistry } from './source-registry.ts';
import type { ChunkRequest } from './transport.ts';
import { fromPullRequest, type Sender, stageNumbers } from './wire.ts';
import { valueBytes } from './wire-format.ts';

/**
 * While what a peer asks for is not there yet (this worker still computes), an empty segment goes out this often. So
 * a peer's segment timeout measures the silence of a worker, not how long its step takes.
 */
const noticeIntervalMs = 250;
/** A peer asks for at most two steps ahead: two requests for each bucket and node. */
const maxQueuedRequests = 65_536;

type Stream = MessageStream<OutgoingMessage, PullRequest>;

/** Answers the requests of one peer's stream, in their order. */
export function answerPulls(stream: Stream, registry: SourceRegistry): StreamEvents<PullRequest> {
  return new PullServer(stream, registry);
}

class PullServer implements StreamEvents<PullRequest> {
  readonly #stream: Stream;
  readonly #registry: SourceRegistry;
  readonly #queue: PullRequest[] = [];
  #answering = false;
  /** Ends the wait that is going on when the stream closes. */
  #abandon: (error: LockstepError) => void = () => {};

  constructor(stream: Stream, registry: SourceRegistry) {
    this.#stream = stream;
    this.#registry = registry;
  }

  message(request: PullRequest): void {
    if (this.#queue.length >= maxQueuedRequests) {
      throw new LockstepError('collective/corrupt', `${this.#stream.peer} has ${this.#queue.length} requests open`);
    }
    this.#queue.push(request);
    if (!this.#answering) void this.#answerAll();
  }

  closed(error: LockstepError | null): void {
    this.#queue.length = 0;
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
      await this.#stream.send(segmentMessage(header, values));
      start = end;
    }
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
