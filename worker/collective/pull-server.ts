import { LockstepError } from '../../shared/core/index.ts';
import type { MessageStream, PullRequest, StreamEvents } from '../../shared/rpc/index.ts';
import { encodeSegment, type SegmentHeader } from './segment-codec.ts';
import type { SourceRegistry } from './source-registry.ts';
import type { ChunkRequest, ChunkSource } from './transport.ts';
import { fromPullRequest, type Sender, stageNumbers, valueBytes } from './wire.ts';

/**
 * While what a peer asks for is not there yet (this worker still computes), an empty segment goes out this often. So
 * a peer's segment timeout measures the silence of a worker, not how long its step takes.
 */
const noticeIntervalMs = 250;
/** A peer asks for at most two steps ahead: two requests for each bucket and node. */
const maxQueuedRequests = 65_536;

type Stream = MessageStream<Uint8Array, PullRequest>;

/** Answers the requests of one peer's stream, in their order. */
export function answerPulls(stream: Stream, registry: SourceRegistry): StreamEvents<PullRequest> {
  const queue: PullRequest[] = [];
  let answering = false;
  const answerAll = async () => {
    answering = true;
    try {
      for (let next = queue.shift(); next !== undefined && stream.open; next = queue.shift()) {
        await answer(stream, registry, next);
      }
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      stream.abort(error);
    }
    answering = false;
  };
  return {
    message: (request) => {
      if (queue.length >= maxQueuedRequests) {
        throw new LockstepError('collective/corrupt', `${stream.peer} has ${queue.length} requests open`);
      }
      queue.push(request);
      if (!answering) void answerAll();
    },
    closed: () => {
      queue.length = 0;
    },
  };
}

async function answer(stream: Stream, registry: SourceRegistry, message: PullRequest): Promise<void> {
  const { request, sender } = fromPullRequest(message);
  stream.rename(`worker ${sender.workerId}`);
  const header = headerOf(request, sender, request.start);
  const source = await withNotices(stream, header, registry.find(sender.runId, sender.generation));
  for (let start = request.start; start < request.end && stream.open; ) {
    const end = Math.min(start + source.segmentValues, request.end);
    const values = await readValues(stream, source, request, sender, start, end);
    await stream.send(encodeSegment(headerOf(request, sender, start), values));
    start = end;
  }
}

/** Waits only when it has to: the values that come back must be encoded before anything else runs. */
async function readValues(
  stream: Stream,
  source: ChunkSource,
  request: ChunkRequest,
  sender: Sender,
  start: number,
  end: number,
): Promise<Float32Array> {
  const read = source.read(request, sender.workerId, start, end);
  return read instanceof Promise ? withNotices(stream, headerOf(request, sender, start), read) : read;
}

async function withNotices<T>(stream: Stream, header: SegmentHeader, wait: Promise<T>): Promise<T> {
  const notice = encodeSegment(header, new Float32Array(0));
  const timer = setInterval(() => void stream.send(notice), noticeIntervalMs);
  try {
    return await wait;
  } finally {
    clearInterval(timer);
  }
}

function headerOf(request: ChunkRequest, sender: Sender, start: number): SegmentHeader {
  return {
    generation: sender.generation,
    step: request.step,
    bucket: request.bucket,
    stage: stageNumbers[request.stage],
    offset: start * valueBytes,
  };
}
