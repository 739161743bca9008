import { Worker } from 'node:worker_threads';
import { LockstepError } from '../../../shared/core/index.ts';
import type { TrainingCheckpoint } from './write-checkpoint.ts';
import type { FromWriter, ToWriter, WriterSettings } from './writer-protocol.ts';

/** What became of a checkpoint that was to be written. */
export type CheckpointOutcome =
  | Exclude<FromWriter, { kind: 'amended' }>
  /** A newer one came before its turn. */
  | { readonly kind: 'skipped'; readonly step: number };

/**
 * Writes checkpoints in a thread of its own, one at a time, while training goes on. One more may wait: if another
 * comes meanwhile, the older one of the two is skipped, so that at most two copies of the state are held.
 */
export class CheckpointWriter {
  readonly #thread: Worker;
  readonly #tell: (outcome: CheckpointOutcome) => void;
  #writing: number | undefined;
  #amending = 0;
  #waiting: TrainingCheckpoint | undefined;
  #idle: (() => void)[] = [];
  #failure: LockstepError | undefined;
  #closing = false;

  constructor(settings: WriterSettings, tell: (outcome: CheckpointOutcome) => void) {
    this.#tell = tell;
    this.#thread = new Worker(new URL('./writer-thread.js', import.meta.url), { workerData: settings });
    this.#thread.unref();
    this.#thread.on('message', (message: FromWriter) => this.#done(message));
    this.#thread.on('error', (error) => this.#fail(error));
    this.#thread.on('exit', () => this.#fail(new Error('its thread ended')));
  }

  /** The arrays are the writer's from now on. Never throws: `tell` hears of every failure. */
  write(checkpoint: TrainingCheckpoint): void {
    if (this.#failure !== undefined) {
      this.#tell({ kind: 'failed', step: checkpoint.step, error: this.#failure.toRecord() });
    } else if (this.#writing === undefined) {
      this.#start(checkpoint);
    } else {
      if (this.#waiting !== undefined) this.#tell({ kind: 'skipped', step: this.#waiting.step });
      this.#waiting = checkpoint;
    }
  }

  /** Notes what was measured after step `step` in its checkpoint, if there is one. */
  amend(step: number, measured: Readonly<Record<string, number>>): void {
    if (this.#waiting?.step === step) this.#waiting = { ...this.#waiting, measured };
    if (this.#failure !== undefined) return;
    this.#amending++;
    this.#thread.postMessage({ kind: 'amend', step, measured } satisfies ToWriter);
  }

  /** Resolves once nothing is being written and nothing waits. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    // A thread that was unreferenced would not keep the process for what it has to do.
    this.#thread.ref();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Gives up what is not written yet; what is there stays whole. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.#thread.terminate();
  }

  #start(checkpoint: TrainingCheckpoint): void {
    this.#writing = checkpoint.step;
    const buffers = new Set(
      Object.values(checkpoint.groups).flatMap((arrays) => arrays.map(({ values }) => values.buffer)),
    );
    this.#thread.postMessage({ kind: 'write', checkpoint } satisfies ToWriter, [...buffers] as ArrayBuffer[]);
  }

  get #isIdle(): boolean {
    return this.#writing === undefined && this.#amending === 0;
  }

  #done(message: FromWriter): void {
    if (message.kind === 'amended') {
      this.#amending--;
    } else {
      this.#writing = undefined;
      this.#tell(message);
      const next = this.#waiting;
      this.#waiting = undefined;
      if (next !== undefined) this.#start(next);
    }
    if (this.#isIdle) this.#settle();
  }

  #fail(cause: Error): void {
    if (this.#closing || this.#failure !== undefined) return;
    this.#failure = new LockstepError('checkpoint/write', `checkpoints can no longer be written: ${cause.message}`, {
      cause,
    });
    const lost = [this.#writing, this.#waiting?.step].filter((step) => step !== undefined);
    for (const step of lost) this.#tell({ kind: 'failed', step, error: this.#failure.toRecord() });
    this.#writing = undefined;
    this.#waiting = undefined;
    this.#amending = 0;
    this.#settle();
  }

  #settle(): void {
    this.#thread.unref();
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
