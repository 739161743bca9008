import { createHash, timingSafeEqual } from 'node:crypto';
import { LockstepError } from '../shared/core/index.ts';
import {
  type CoordinatorMessage,
  controlService,
  type MessageStream,
  type Service,
  type StreamEvents,
  serve,
  type WorkerMessage,
} from '../shared/rpc/index.ts';
import type { Event } from './membership/index.ts';
import { toEvent } from './wire.ts';

type WorkerStream = MessageStream<CoordinatorMessage, WorkerMessage>;

/** A client that connects and says nothing holds its connection for this long. */
const HELLO_TIMEOUT_MS = 10_000;

/** The control service: gives each connection a number and turns what arrives on it into events. */
export class ControlLinks {
  readonly service: Service;
  readonly #streams = new Map<number, WorkerStream>();
  readonly #dispatch: (event: Event) => void;
  readonly #runToken: string;
  #nextLink = 1;

  constructor(options: { readonly runToken: string; readonly dispatch: (event: Event) => void }) {
    this.#dispatch = options.dispatch;
    this.#runToken = options.runToken;
    this.service = serve(controlService.session, (stream) => this.#accept(stream));
  }

  send(link: number, message: CoordinatorMessage): void {
    this.#streams.get(link)?.send(message);
  }

  /** Ends a connection in good order, after what is queued for it. */
  end(link: number): void {
    this.#streams.get(link)?.end();
  }

  abort(link: number, error: LockstepError): void {
    this.#streams.get(link)?.abort(error);
  }

  #accept(stream: WorkerStream): StreamEvents<WorkerMessage> {
    const link = this.#nextLink++;
    this.#streams.set(link, stream);
    let greeted = false;
    const silence = setTimeout(() => {
      const message = `${stream.peer} connected and said nothing for ${HELLO_TIMEOUT_MS} ms`;
      stream.abort(new LockstepError('rpc/protocol', message));
    }, HELLO_TIMEOUT_MS);
    return {
      message: (message) => {
        if (message.hello) {
          clearTimeout(silence);
          this.#checkToken(message.hello.runToken ?? '', message.hello.workerId ?? '');
          stream.rename(`worker ${message.hello.workerId}`);
          greeted = true;
        }
        if (!greeted) throw new LockstepError('rpc/protocol', `${stream.peer} has to say hello first`);
        this.#dispatch(toEvent(link, message));
      },
      closed: (error) => {
        clearTimeout(silence);
        this.#streams.delete(link);
        // A plain end of the connection says nothing that the word "closed" doesn't.
        const reason = error === null || error.code === 'rpc/connection-lost' ? '' : error.message;
        this.#dispatch({ kind: 'linkClosed', link, reason });
      },
    };
  }

  /** Before any decision about the worker: who has no token learns nothing about the run. */
  #checkToken(given: string, workerId: string): void {
    const expected = this.#runToken;
    const digest = (text: string) => createHash('sha256').update(text).digest();
    if (expected === '' || timingSafeEqual(digest(given), digest(expected))) return;
    const what =
      given === '' ? 'has no run token, and the coordinator wants one' : 'has another run token than the coordinator';
    throw new LockstepError('rpc/refused', `worker ${workerId} ${what}; give both the same LOCKSTEP_RUN_TOKEN`);
  }
}
