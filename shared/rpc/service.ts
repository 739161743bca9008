import { lockstep } from '../../proto/generated/lockstep.js';

/** A bidirectional stream of messages: the only kind of call that Lockstep uses. Codecs work on whole messages. */
export interface StreamMethod<Request, Response, ReceivedResponse = Response> {
  /** `/package.Service/Method`, as gRPC puts it on the wire. */
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response, ReceivedResponse>;
}

export interface Codec<Sent, Received = Sent> {
  encode(message: Sent): Uint8Array | OutgoingMessage;
  /** May throw anything on bad bytes: the stream turns it into rpc/protocol. */
  decode(bytes: Buffer): Received;
}

/** A message that writes itself into the buffer that it is sent from, without bytes of its own. */
export interface OutgoingMessage {
  readonly byteLength: number;
  /** Writes exactly `byteLength` bytes. What it is made of must not change until then. */
  writeTo(target: Buffer, offset: number): void;
}

/**
 * Decoded messages are tagged unions over `body`. To send one, give the one member that is meant:
 * `{ runId, generation, heartbeat: { … } }`.
 */
export type WorkerMessage = lockstep.v1.WorkerMessage.$Shape;
export type CoordinatorMessage = lockstep.v1.CoordinatorMessage.$Shape;
export type PullRequest = lockstep.v1.PullRequest.$Shape;

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
    // A segment has a serializer of its own (worker/collective/segment-codec.ts); what arrives are its bytes.
    response: { encode: (segment) => segment, decode: (bytes) => bytes },
  } satisfies StreamMethod<PullRequest, Uint8Array | OutgoingMessage, Buffer>,
};
