import { LockstepError } from '../core/index.ts';
import type { Codec, OutgoingMessage } from './service.ts';
import { connectionLost } from './status.ts';

/** What a stream tells its owner. Exactly one `closed` follows the last `message`. */
export interface StreamEvents<In> {
  /** A LockstepError thrown here ends the stream with that error, which the other end receives. */
  message(message: In): void;
  /** `null` when the other end finished in good order; isConnectionLost tells a broken connection from its errors. */
  closed(error: LockstepError | null): void;
}

/** Counts whole messages as they are on the wire, without framing. */
export interface ByteCounter {
  sent: number;
  received: number;
}

export interface StreamOptions {
  /** Who is at the other end, for messages: "rank 1 (worker w-1)". */
  readonly peer: string;
  /** `send` waits while more bytes than this are queued here. */
  readonly queueBytes: number;
  readonly bytes?: ByteCounter | undefined;
}

/** The part of gRPC's client and server calls that a stream needs. */
export interface RawCall {
  write(message: Uint8Array | OutgoingMessage, written: () => void): void;
  end(): void;
  /** Ends at once; a server's call tells the client the error. */
  abort(error: LockstepError): void;
}

/** Senders that don't await `send` may queue this many times `queueBytes` before the stream is given up. */
const overflowFactor = 8;

/** One end of a bidirectional call: typed messages out with back-pressure, typed messages in through StreamEvents. */
export class MessageStream<Out, In> {
  readonly #call: RawCall;
  readonly #out: Pick<Codec<Out>, 'encode'>;
  readonly #in: Pick<Codec<In>, 'decode'>;
  readonly #options: StreamOptions;
  readonly #waiting: { resolve: () => void; reject: (error: LockstepError) => void }[] = [];
  #events: StreamEvents<In> | undefined;
  #closed: { readonly error: LockstepError | null } | undefined;
  #ended = false;
  #queuedBytes = 0;
  #peer: string;

  constructor(
    call: RawCall,
    out: Pick<Codec<Out>, 'encode'>,
    incoming: Pick<Codec<In>, 'decode'>,
    options: StreamOptions,
  ) {
    this.#call = call;
    this.#out = out;
    this.#in = incoming;
    this.#options = options;
    this.#peer = options.peer;
  }

  get peer(): string {
    return this.#peer;
  }

  /** Once the other end said who it is, errors should name it so. */
  rename(peer: string): void {
    this.#peer = peer;
  }

  /** Bytes handed to `send` that the connection has not taken yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get open(): boolean {
    return this.#closed === undefined && !this.#ended;
  }

  /**
   * Queues a message. The promise resolves as soon as there is room for the next one, and may be ignored by senders
   * of few small messages: it never causes an unhandled rejection.
   * @throws LockstepError (rejects) what closed the stream
   */
  send(message: Out): Promise<void> {
    if (!this.open) return quiet(Promise.reject(this.#closedError()));
    const encoded = this.#out.encode(message);
    const { byteLength } = encoded;
    this.#queuedBytes += byteLength;
    if (this.#options.bytes !== undefined) this.#options.bytes.sent += byteLength;
    this.#call.write(encoded, () => this.#written(byteLength));
    if (this.#queuedBytes <= this.#options.queueBytes) return Promise.resolve();
    if (this.#queuedBytes > this.#options.queueBytes * overflowFactor + byteLength) {
      const message_ = `${this.peer} does not read: ${this.#queuedBytes} bytes are queued for it`;
      this.abort(new LockstepError('rpc/slow-reader', message_, { details: { peer: this.peer } }));
      return quiet(Promise.reject(this.#closedError()));
    }
    return quiet(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })));
  }

  /** No more messages from this end; those queued are still sent, and messages still arrive. */
  end(): void {
    if (!this.open) return;
    this.#ended = true;
    this.#call.end();
  }

  /** Ends both directions now. A client learns `error` when this is the server's end; `closed` gets it here. */
  abort(error: LockstepError): void {
    if (this.#closed !== undefined) return;
    this.#call.abort(error);
    this.close(error);
  }

  /** For the owner of the call (channel, server): connects the events; only then may messages flow. */
  attach(events: StreamEvents<In>): void {
    this.#events = events;
  }

  /** For the owner of the call: a whole message arrived. */
  receive(bytes: Buffer): void {
    if (this.#closed !== undefined) return;
    if (this.#options.bytes !== undefined) this.#options.bytes.received += bytes.length;
    try {
      this.#events?.message(this.#decode(bytes));
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      this.abort(error);
    }
  }

  /** For the owner of the call: it is over. */
  close(error: LockstepError | null): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    this.#queuedBytes = 0;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closedError());
    this.#events?.closed(error);
  }

  #decode(bytes: Buffer): In {
    try {
      return this.#in.decode(bytes);
    } catch (cause) {
      if (cause instanceof LockstepError) throw cause;
      throw new LockstepError(
        'rpc/protocol',
        `${this.peer} sent ${bytes.length} bytes that are not a message of this protocol: ${(cause as Error).message}`,
        { details: { peer: this.peer, bytes: bytes.length }, cause },
      );
    }
  }

  #written(byteLength: number): void {
    if (this.#closed !== undefined) return;
    this.#queuedBytes -= byteLength;
    if (this.#queuedBytes > this.#options.queueBytes) return;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #closedError(): LockstepError {
    return this.#closed?.error ?? connectionLost(this.peer, 'the stream was closed');
  }
}

function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
