import { setTimeout } from 'node:timers/promises';
import { Client, type ClientDuplexStream, connectivityState, type ServiceError } from '@grpc/grpc-js';
import { LockstepError, parseAddress } from '../core/index.ts';
import { type ByteCounter, MessageStream, type RawCall, type StreamEvents } from './message-stream.ts';
import { type ChannelKind, channelOptions, queueBytes, quietGrpc } from './options.ts';
import { channelCredentials, type Security } from './security.ts';
import type { Codec, OutgoingMessage } from './service.ts';
import { connectionLost, fromStatus } from './status.ts';

export interface ConnectOptions {
  readonly kind: ChannelKind;
  readonly security: Security;
  /** Time for all attempts together. */
  readonly deadlineMs: number;
  /** What is expected there: "coordinator", "rank 1 (worker w-1)". */
  readonly role: string;
  /** Ends the message of rpc/unreachable: "is `lockstep coordinator` running there?" */
  readonly advice?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** In [0, 1): spreads the attempts of many processes. */
  readonly random?: (() => number) | undefined;
}

/** A connection to one server. Each `open` is a call of its own on it. */
export interface Channel {
  readonly address: string;
  open<Request, Received>(
    method: OpenableMethod<Request, Received>,
    events: StreamEvents<Received>,
    options?: OpenOptions,
  ): MessageStream<Request, Received>;
  /** Idempotent. Open streams get `closed` with rpc/connection-lost. */
  close(): void;
}

/** What a client needs of a method. */
export interface OpenableMethod<Request, Received> {
  readonly path: string;
  readonly request: Pick<Codec<Request>, 'encode'>;
  readonly response: Pick<Codec<Received>, 'decode'>;
}

export interface OpenOptions {
  readonly peer?: string | undefined;
  readonly bytes?: ByteCounter | undefined;
}

const silence = 'no answer';
const firstPauseMs = 100;
const longestPauseMs = 2_000;
/** One attempt at an address that swallows packets must not use up the time of all others. */
const longestAttemptMs = 5_000;

/**
 * Connects to `address`, trying again with exponential pauses until the deadline.
 * @throws LockstepError rpc/unreachable with the attempts and the last one's reason; config/invalid; the signal's reason
 */
export async function connect(address: string, options: ConnectOptions): Promise<Channel> {
  parseAddress(address);
  quietGrpc();
  const { deadlineMs, signal, random = Math.random } = options;
  const end = performance.now() + deadlineMs;
  let attempts = 0;
  let lastReason: string | undefined;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    signal?.throwIfAborted();
    const leftMs = end - performance.now();
    if (leftMs <= 0 && attempts > 0) break;
    attempts++;
    const client = new Client(address, channelCredentials(options.security), channelOptions(options.kind));
    const reason = await attempt(client, Math.min(Math.max(leftMs, 1), longestAttemptMs), signal);
    if (reason === null) return new ClientChannel(address, client, options);
    client.close();
    // The last attempt may have been cut short by the deadline: what earlier ones found says more.
    if (reason !== silence || lastReason === undefined) lastReason = reason;
    const waitMs = Math.min(pauseMs * (0.5 + random() / 2), Math.max(0, end - performance.now()));
    await setTimeout(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
  }
  const advice = adviceFor(lastReason ?? silence, options.security) ?? options.advice;
  throw new LockstepError(
    'rpc/unreachable',
    `${options.role} ${address} could not be reached in ${deadlineMs / 1000} s (${attempts} ` +
      `attempt${attempts === 1 ? '' : 's'}; last: ${lastReason})${advice === undefined ? '' : `; ${advice}`}`,
    { details: { address, role: options.role, attempts, lastReason, deadlineMs }, action: 'retry' },
  );
}

/** `null` once connected, else the reason of the failure in a few words. */
async function attempt(client: Client, timeoutMs: number, signal: AbortSignal | undefined): Promise<string | null> {
  const channel = client.getChannel();
  const end = performance.now() + timeoutMs;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return null;
    if (state === connectivityState.TRANSIENT_FAILURE) return failureReason(client);
    if (performance.now() >= end) return silence;
    await abortable(client, signal, stateChange(client, state, end));
  }
}

/** Resolves when the state is no longer `state`, or at `end`. */
function stateChange(client: Client, state: connectivityState, end: number): Promise<void> {
  return new Promise((resolve) => {
    const deadline = Date.now() + Math.max(0, end - performance.now());
    client.getChannel().watchConnectivityState(state, deadline, () => resolve());
  });
}

async function abortable(client: Client, signal: AbortSignal | undefined, wait: Promise<void>): Promise<void> {
  if (signal === undefined) return wait;
  let aborted = (): void => {};
  const abort = new Promise<never>((_, reject) => {
    aborted = () => {
      client.close();
      reject(signal.reason);
    };
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
  try {
    await Promise.race([wait, abort]);
  } finally {
    signal.removeEventListener('abort', aborted);
  }
}

/** gRPC tells why a connection failed only to a call on it. */
function failureReason(client: Client): Promise<string> {
  const nothing = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + 1_000 };
  return new Promise((resolve) => {
    client.makeUnaryRequest('/lockstep.v1.Probe/Probe', nothing, nothing, Buffer.alloc(0), options, (error) => {
      resolve(shortReason(error?.details ?? 'the connection failed'));
    });
  });
}

/** Cuts gRPC's "No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1 (date). Resolution note: ". */
export function shortReason(details: string): string {
  const last = /Last error: (.*?)(?: \(\d{4}-\d\d-\d\dT[^)]*\))?\. Resolution note:/s.exec(details)?.[1] ?? details;
  return /\b(E[A-Z]{4,}|ENOTFOUND|EAI_AGAIN)\b/.exec(last)?.[1] ?? last.trim();
}

/** What the reason itself tells; undefined where nobody may listen there at all. */
export function adviceFor(reason: string, security: Pick<Security, 'kind'>): string | undefined {
  if (/certificate|SSL|TLS|wrong version number|alert/i.test(reason)) {
    return 'both ends need certificates of the same CA, or neither uses TLS';
  }
  // gRPC has no more to say of a connection that was made and then closed by the other end.
  if (security.kind === 'plaintext' && /Failed to connect|ECONNRESET|socket hang up/.test(reason)) {
    return 'something listens there but closes connections in plain text; if it uses TLS, this end needs --tls-ca, --tls-cert and --tls-key as well';
  }
  return undefined;
}

class ClientChannel implements Channel {
  readonly address: string;
  readonly #client: Client;
  readonly #options: ConnectOptions;
  readonly #streams = new Set<{ abort(error: LockstepError): void }>();

  constructor(address: string, client: Client, options: ConnectOptions) {
    this.address = address;
    this.#client = client;
    this.#options = options;
  }

  open<Request, Received>(
    method: OpenableMethod<Request, Received>,
    events: StreamEvents<Received>,
    options: OpenOptions = {},
  ): MessageStream<Request, Received> {
    const peer = options.peer ?? `${this.#options.role} ${this.address}`;
    const call = this.#client.makeBidiStreamRequest<Buffer, Buffer>(method.path, same, same);
    const stream = new MessageStream<Request, Received>(rawClientCall(call), method.request, method.response, {
      peer,
      queueBytes: queueBytes[this.#options.kind],
      bytes: options.bytes,
    });
    stream.attach({
      message: (message) => events.message(message),
      closed: (error) => {
        this.#streams.delete(stream);
        events.closed(error);
      },
    });
    this.#streams.add(stream);
    call.on('data', (bytes: Buffer) => stream.receive(bytes));
    call.on('error', (error: ServiceError) => stream.close(fromStatus(error, stream.peer)));
    call.on('status', () => stream.close(null));
    return stream;
  }

  close(): void {
    for (const stream of [...this.#streams]) {
      stream.abort(connectionLost(`${this.#options.role} ${this.address}`, 'closed by this process'));
    }
    this.#client.close();
  }
}

const same = (bytes: Buffer) => bytes;

function rawClientCall(call: ClientDuplexStream<Buffer, Buffer>): RawCall {
  return {
    write: (message, written) => void call.write(toBuffer(message), written),
    end: () => void call.end(),
    abort: () => call.cancel(),
  };
}

/** The bytes of a message, in the class that gRPC wants. */
export function toBuffer(message: Uint8Array | OutgoingMessage): Buffer {
  if (Buffer.isBuffer(message)) return message;
  if (message instanceof Uint8Array) return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const bytes = Buffer.allocUnsafe(message.byteLength);
  message.writeTo(bytes, 0);
  return bytes;
}
