import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { LockstepError } from '../../shared/core/index.ts';
import type { EpochEnd, Standing } from '../../shared/run/index.ts';
import type { LinkSettings } from './link-settings.ts';
import { ProgressBoard } from './progress-board.ts';
import type { GenerationView, LinkToMain, MainToLink } from './protocol.ts';

/** The coordinator answers a failure at once; a dead one is noticed by the link thread. */
const STOP_WAIT_MS = 2_000;

type Kind = LinkToMain['kind'];
type Message<K extends Kind> = Extract<LinkToMain, { kind: K }>;

/** The membership changes: whoever waits or computes comes out, and asks for the next generation. */
export class GenerationOver extends Error {
  override readonly name = 'GenerationOver';
}

/** What the main thread has of a link thread. */
export interface LinkThread {
  postMessage(message: MainToLink, transfer: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (message: LinkToMain) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  terminate(): Promise<unknown>;
}

function startLinkThread(settings: LinkSettings): LinkThread {
  return new Worker(new URL('./link-thread.js', import.meta.url), { workerData: settings });
}

/**
 * The main thread's end of the link thread. The session is sequential, so it waits for one kind of message at a time;
 * a `stop` with an error, or the thread's death, ends every wait.
 */
export class Link {
  readonly board: ProgressBoard;
  readonly #thread: LinkThread;
  readonly #inbox: LinkToMain[] = [];
  #waiting: { kind: Kind; resolve: (message: LinkToMain) => void; reject: (error: unknown) => void } | undefined;
  #failure: LockstepError | undefined;
  /** The generation that is being formed. */
  #paused: number | undefined;
  #drainRequested = false;
  readonly #epochEnds: EpochEnd[] = [];
  #closing = false;

  constructor(settings: Omit<LinkSettings, 'board'>, startThread = startLinkThread) {
    this.board = new ProgressBoard();
    this.board.enter('starting', 0);
    this.#thread = startThread({ ...settings, board: this.board.buffer });
    this.#thread.on('message', (message: LinkToMain) => this.#receive(message));
    this.#thread.on('error', (error) =>
      this.#fail(LockstepError.from(error, 'rpc/unreachable', 'the link thread failed: ')),
    );
    this.#thread.on('exit', () => {
      if (!this.#closing) this.#fail(new LockstepError('rpc/unreachable', 'the link thread ended before the run did'));
    });
  }

  /** True once the user asked this run to end early; the workers agree on the step through the reduction. */
  get drainRequested(): boolean {
    return this.#drainRequested;
  }

  /** Ends this run early, like a wish of the coordinator's. */
  requestDrain(): void {
    this.#drainRequested = true;
  }

  /** What the coordinator told of epochs that are over, since this process began. */
  get epochEnds(): readonly EpochEnd[] {
    return this.#epochEnds;
  }

  send(message: MainToLink, transfer: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transfer);
  }

  /** The next message of `kind`. @throws LockstepError what made the run stop */
  receive<K extends Kind>(kind: K): Promise<Message<K>> {
    const index = this.#inbox.findIndex((message) => message.kind === kind);
    if (index >= 0) return Promise.resolve(this.#inbox.splice(index, 1)[0] as Message<K>);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#paused !== undefined && kind !== 'generation') return Promise.reject(new GenerationOver());
    return new Promise((resolve, reject) => {
      this.#waiting = { kind, resolve: (message) => resolve(message as Message<K>), reject };
    });
  }

  /**
   * The next generation, once all others are out of the last one.
   * @throws LockstepError what made the run stop
   */
  async nextGeneration(standing: () => Standing): Promise<GenerationView> {
    for (;;) {
      if (this.#paused !== undefined) {
        this.send({ kind: 'standing', generation: this.#paused, standing: standing() });
      }
      try {
        const { generation } = await this.receive('generation');
        this.#paused = undefined;
        return generation;
      } catch (error) {
        if (!(error instanceof GenerationOver)) throw error;
      }
    }
  }

  /**
   * Tells the coordinator about a failure of this worker and waits for its word to stop, so that the message is out
   * before the process ends. Does nothing when the run was stopped already.
   */
  async reportFailure(error: LockstepError): Promise<void> {
    if (this.#failure !== undefined) return;
    this.send({ kind: 'failed', error: error.toRecord() });
    await Promise.race([
      this.receive('stop').catch(() => undefined),
      setTimeout(STOP_WAIT_MS, undefined, { ref: false }),
    ]);
  }

  throwIfStopped(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#paused !== undefined) throw new GenerationOver();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#thread.terminate();
  }

  #receive(message: LinkToMain): void {
    if (message.kind === 'epochEnd' && message.end.epoch !== this.#epochEnds.at(-1)?.epoch)
      this.#epochEnds.push(message.end);
    // Rank 0 may be another one than before.
    if (message.kind === 'generation') this.#epochEnds.splice(0, Infinity, ...message.generation.history);
    if (message.kind === 'drain') {
      this.#drainRequested = true;
    } else if (message.kind === 'pause') {
      this.#paused = message.generation;
      // What is of the generation before is done again, or told again.
      this.#inbox.length = 0;
      this.#waiting?.reject(new GenerationOver());
      this.#waiting = undefined;
    } else if (message.kind === 'stop' && message.error !== null) {
      this.#fail(LockstepError.fromRecord(message.error));
    } else if (this.#waiting?.kind === message.kind) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(message);
    } else {
      this.#inbox.push(message);
    }
  }

  #fail(error: LockstepError): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}
