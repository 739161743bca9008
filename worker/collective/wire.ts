import { LockstepError } from '../../shared/core/index.ts';
import type { PullRequest } from '../../shared/rpc/index.ts';
import type { ChunkRequest } from './transport.ts';

/** Bytes in a float32 value. */
export const valueBytes = 4;

/** `Stage` of peer.proto. */
export const stageNumbers = { reduce: 0, gather: 1 } as const;

/** Who asks, and in which generation. */
export interface Sender {
  readonly runId: string;
  readonly generation: number;
  readonly workerId: string;
}

export function toPullRequest(request: ChunkRequest, sender: Sender): PullRequest {
  return {
    runId: sender.runId,
    generation: sender.generation,
    step: request.step,
    bucket: request.bucket,
    stage: stageNumbers[request.stage],
    nodeStart: request.node.start,
    nodeEnd: request.node.end,
    offset: request.start * valueBytes,
    length: (request.end - request.start) * valueBytes,
    fromWorker: sender.workerId,
  };
}

/** @throws LockstepError collective/corrupt */
export function fromPullRequest(message: PullRequest): { request: ChunkRequest; sender: Sender } {
  const { offset, length } = { offset: message.offset ?? 0, length: message.length ?? 0 };
  const workerId = message.fromWorker ?? '';
  if (offset % valueBytes !== 0 || length % valueBytes !== 0 || (message.stage ?? 0) > stageNumbers.gather) {
    throw new LockstepError(
      'collective/corrupt',
      `worker ${workerId} asked for stage ${message.stage ?? 0}, ${length} bytes from byte ${offset}: no row of floats`,
    );
  }
  return {
    sender: { runId: message.runId ?? '', generation: message.generation ?? 0, workerId },
    request: {
      step: message.step ?? 0,
      bucket: message.bucket ?? 0,
      stage: message.stage === stageNumbers.gather ? 'gather' : 'reduce',
      node: { start: message.nodeStart ?? 0, end: message.nodeEnd ?? 0 },
      start: offset / valueBytes,
      end: (offset + length) / valueBytes,
    },
  };
}
