import { Server, type ServerDuplexStream } from '@grpc/grpc-js';
import { formatAddress, LockstepError, parseAddress } from '../core/index.ts';
import { toBuffer } from './channel.ts';
import { type ByteCounter, MessageStream, type RawCall, type StreamEvents } from './message-stream.ts';
import { type ChannelKind, queueBytes, quietGrpc, serverOptions } from './options.ts';
import { requireSafeListener, type Security, serverCredentials } from './security.ts';
import type { Codec, OutgoingMessage } from './service.ts';
import { connectionLost, toStatus } from './status.ts';

/** A method with the function that answers its calls. Made by `serve`. */
export interface Service {
  register(server: Server, kind: ChannelKind): void;
}

/** What a server needs of a method. */
export interface ServableMethod<Request, Response> {
  readonly path: string;
  readonly request: Pick<Codec<Request>, 'decode'>;
  readonly response: Pick<Codec<Response>, 'encode'>;
}

export interface ServeOptions {
  readonly bytes?: ByteCounter | undefined;
}

/**
 * Binds a method to its handler. The handler gets the stream of each new call and returns what receives its messages;
 * the client's end of the stream ends the call, after what is queued for it has been sent.
 */
export function serve<Request, Response>(
  method: ServableMethod<Request, Response>,
  handler: (stream: MessageStream<Response, Request>) => StreamEvents<Request>,
  options: ServeOptions = {},
): Service {
  return {
    register(server, kind) {
      const name = method.path.slice(method.path.lastIndexOf('/') + 1);
      const definition = {
        path: method.path,
        requestStream: true,
        responseStream: true,
        requestSerialize: toBuffer,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: toCopyable,
        responseDeserialize: (bytes: Buffer) => bytes,
      };
      const accept = (call: ServerDuplexStream<Buffer, Uint8Array | OutgoingMessage>) => {
        const stream = new MessageStream<Response, Request>(rawServerCall(call), method.response, method.request, {
          peer: `client ${call.getPeer()}`,
          queueBytes: queueBytes[kind],
          bytes: options.bytes,
        });
        stream.attach(handler(stream));
        call.on('cancelled', () => stream.close(connectionLost(stream.peer, 'it closed the connection or died')));
        call.on('finish', () => stream.close(null));
        // A client that dies looks like one that ended until, in the same turn of the loop, its stream closes.
        call.on('end', () => setImmediate(() => stream.end()));
        call.on('data', (bytes: Buffer) => stream.receive(bytes));
      };
      server.addService({ [name]: definition }, { [name]: accept });
    },
  };
}

export interface ServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly services: readonly Service[];
  readonly kind: ChannelKind;
  readonly security: Security;
}

export interface RunningServer {
  /** Where it listens, with the real port. */
  readonly address: string;
  readonly port: number;
  /** Lets open calls finish for `graceMs` (default 2000), then cuts them. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Starts listening.
 * @throws LockstepError config/insecure, config/invalid (address), rpc/address-in-use
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host } = parseAddress(options.address);
  requireSafeListener(options.address, options.security);
  quietGrpc();
  const server = new Server(serverOptions(options.kind));
  for (const service of options.services) service.register(server, options.kind);
  const port = await bind(server, options);
  let closing: Promise<void> | undefined;
  return {
    address: formatAddress(host, port),
    port,
    close: (graceMs = 2_000) => {
      closing ??= shutDown(server, graceMs);
      return closing;
    },
  };
}

function bind(server: Server, options: ServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(options.address, serverCredentials(options.security), (error, port) => {
      if (error === null) resolve(port);
      else reject(bindError(options.address, error));
    });
  });
}

function bindError(address: string, cause: Error): LockstepError {
  const code = /\b(E[A-Z]{4,})\b/.exec(cause.message)?.[1];
  if (code === 'EADDRINUSE') {
    return new LockstepError(
      'rpc/address-in-use',
      `cannot listen on ${address}: the port is taken by another process; choose another port, or 0 for a free one`,
      { details: { address }, cause },
    );
  }
  return new LockstepError(
    'config/invalid',
    `cannot listen on ${address}: ${code ?? cause.message}; expected an address of this machine`,
    { details: { address }, cause },
  );
}

function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

function rawServerCall(call: ServerDuplexStream<Buffer, Uint8Array | OutgoingMessage>): RawCall {
  return {
    write: (bytes, written) => void call.write(bytes, written),
    end: () => void call.end(),
    abort: (error) => void call.emit('error', toStatus(error)),
  };
}

/**
 * gRPC's server makes the frame of a message itself, from `byteLength` and one call of `copy(frame, 5)`, at once: a
 * message that writes itself needs no other buffer. Saves an allocation and a copy of each segment. If gRPC comes to
 * do anything else with the message, that throws, and the call ends with an error.
 */
function toCopyable(message: Uint8Array | OutgoingMessage): Buffer {
  if (message instanceof Uint8Array) return toBuffer(message);
  const copyable = {
    byteLength: message.byteLength,
    copy: (target: Buffer, offset: number) => message.writeTo(target, offset),
  };
  return copyable as unknown as Buffer;
}
