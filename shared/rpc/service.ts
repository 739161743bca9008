import { lockstep } from '../../proto/generated/lockstep.js';

/** A bidirectional stream of messages: the only kind of call that Lockstep uses. Codecs work on whole messages. */
export interface StreamMethod<Request, Response> {
  /** `/package.Service/Method`, as gRPC puts it on the wire. */
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

export interface Codec<Message> {
  encode(message: Message): Uint8Array;
  /** May throw anything on bad bytes: the stream turns it into rpc/protocol. */
  decode(bytes: Buffer): Message;
}

/**
 * Decoded messages are tagged unions over `body`. To send one, give the one member that is meant:
 * `{ runId, generation, heartbeat: { … } }`.
 */
export type WorkerMessage = lockstep.v1.WorkerMessage.$Shape;
export type CoordinatorMessage = lockstep.v1.CoordinatorMessage.$Shape;
export type PullRequest = lockstep.v1.PullRequest.$Shape;

/** Bytes as they are, for messages with a serializer of their own. */
const rawCodec: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };

/** Membership and progress: one stream for each worker, which is the client and speaks first. */
export const controlService = {
  session: {
    path: '/lockstep.v1.Control/Session',
    request: {
      encode: (message) => lockstep.v1.WorkerMessage.encode(message as lockstep.v1.WorkerMessage.$Properties).finish(),
      decode: (bytes) => lockstep.v1.WorkerMessage.decode(bytes),
    },
    response: {
      encode: (message) =>
        lockstep.v1.CoordinatorMessage.encode(message as lockstep.v1.CoordinatorMessage.$Properties).finish(),
      decode: (bytes) => lockstep.v1.CoordinatorMessage.decode(bytes),
    },
  } satisfies StreamMethod<WorkerMessage, CoordinatorMessage>,
};

/** Tensors: one stream for each ordered pair of peers; the receiver is the client (see peer.proto). */
export const peerService = {
  pull: {
    path: '/lockstep.v1.Peer/Pull',
    request: {
      encode: (message) => lockstep.v1.PullRequest.encode(message).finish(),
      decode: (bytes) => lockstep.v1.PullRequest.decode(bytes),
    },
    response: rawCodec,
  } satisfies StreamMethod<PullRequest, Uint8Array>,
};
