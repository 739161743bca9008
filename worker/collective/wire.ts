import { LockstepError } from '../../shared/core/index.ts';
import type { PullRequest } from '../../shared/rpc/index.ts';
import type { ChunkRequest } from './transport.ts';
import { valueBytes, type WireFormat } from './wire-format.ts';

/** `Stage` of peer.proto. */
export const stageNumbers = { reduce: 0, gather: 1, shelf: 2 } as const;
type Stage = keyof typeof stageNumbers;

/** `WireFormat` of peer.proto. */
const wireNumbers: Readonly<Record<WireFormat, number>> = { float32: 0, bfloat16: 1 };

/** Who asks, and in which generation. */
export interface Sender {
  readonly runId: string;
  readonly generation: number;
  readonly workerId: string;
  readonly wire: WireFormat;
}

/** One message that asks for all of `requests`, of which there is at least one, in their order. */
export function toPullRequest(requests: readonly ChunkRequest[], sender: Sender): PullRequest {
  const [first, ...more] = requests.map((request) => toChunk(request, sender.wire));
  const { runId, generation, workerId: fromWorker, wire } = sender;
  return { ...first, runId, generation, fromWorker, wire: wireNumbers[wire], more };
}

function toChunk(request: ChunkRequest, wire: WireFormat): PullRequest {
  return {
    step: request.step,
    bucket: request.bucket,
    stage: stageNumbers[request.stage],
    nodeStart: request.node.start,
    nodeEnd: request.node.end,
    offset: request.start * valueBytes[wire],
    length: (request.end - request.start) * valueBytes[wire],
  };
}

/** The requests in one message, each with its sender. */
export function* eachRequest(message: PullRequest): Generator<PullRequest> {
  yield message;
  const { runId = null, generation = null, fromWorker = null, wire = null } = message;
  for (const request of message.more ?? []) yield { ...request, runId, generation, fromWorker, wire };
}

/** @throws LockstepError collective/corrupt */
export function fromPullRequest(message: PullRequest): { request: ChunkRequest; sender: Sender } {
  const { offset, length } = { offset: message.offset ?? 0, length: message.length ?? 0 };
  const workerId = message.fromWorker ?? '';
  const wire = wireOf(message.wire ?? 0);
  const size = wire === undefined ? Number.NaN : valueBytes[wire];
  const stage = stageOf(message.stage ?? 0);
  if (wire === undefined || stage === undefined || offset % size !== 0 || length % size !== 0) {
    throw new LockstepError(
      'collective/corrupt',
      `worker ${workerId} asked for stage ${message.stage ?? 0}, wire format ${wire ?? message.wire}, ${length} bytes ` +
        `from byte ${offset}: no row of values`,
    );
  }
  return {
    sender: { runId: message.runId ?? '', generation: message.generation ?? 0, workerId, wire },
    request: {
      step: message.step ?? 0,
      bucket: message.bucket ?? 0,
      stage,
      node: { start: message.nodeStart ?? 0, end: message.nodeEnd ?? 0 },
      start: offset / size,
      end: (offset + length) / size,
    },
  };
}

function stageOf(number: number): Stage | undefined {
  return (Object.keys(stageNumbers) as Stage[]).find((stage) => stageNumbers[stage] === number);
}

function wireOf(number: number): WireFormat | undefined {
  return (Object.keys(wireNumbers) as WireFormat[]).find((wire) => wireNumbers[wire] === number);
}
