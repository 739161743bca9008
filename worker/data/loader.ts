import { Worker } from 'node:worker_threads';
import { assertNever, invariant, LockstepError } from '../../shared/core/index.ts';
import type { Batch, TensorSpec } from '../../shared/job/index.ts';
import { buffersOf } from './assemble-batch.ts';
import type {
  FromLoaderThread,
  LoadedBatch,
  LoaderRange,
  LoaderThreadData,
  ToLoaderThread,
} from './loader-protocol.ts';

export type { LoadedBatch, LoaderRange } from './loader-protocol.ts';

/** `prefetch`: batches that the thread may hold ready, at least 1. */
export interface LoaderOptions extends LoaderThreadData {
  /** Told what takes long while the data set is opened, such as a download. */
  readonly onProgress?: (text: string) => void;
}

/** Longer than one batch ever takes. */
const CLOSE_TIMEOUT_MS = 5000;

type Waiter = { readonly resolve: (loaded: LoadedBatch) => void; readonly reject: (error: unknown) => void };

/** Reads a data set in a thread of its own, a few batches ahead of whoever asks. */
export class BatchLoader {
  /** Samples, ≥ 1. */
  readonly size: number;
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  /** What its transforms measured or were given: vocabularies, means. Kept with the model. */
  readonly adapted: Readonly<Record<string, unknown>>;
  readonly #thread: Worker;
  readonly #exited: Promise<unknown>;
  readonly #ready: LoadedBatch[] = [];
  readonly #waiters: Waiter[] = [];
  #pass = 0;
  /** Batches of the pass that next() may still be called for. */
  #left = 0;
  /** Why this pass has no more batches. */
  #failure: LockstepError | undefined;
  /** Why no pass has any more. */
  #end: LockstepError | undefined;
  #isClosed = false;

  /**
   * Opens the data set in its thread.
   * @throws LockstepError data/missing, data/corrupt, data/empty, data/shape, data/failed, job/threw, job/invalid
   */
  static async open(options: LoaderOptions): Promise<BatchLoader> {
    invariant(options.prefetch >= 1, 'a loader prefetches at least one batch');
    const { onProgress, ...workerData } = options;
    const thread = new Worker(new URL('./loader-thread.js', import.meta.url), { workerData });
    try {
      const first = await firstMessage(thread, onProgress);
      if (first.kind === 'failed') throw LockstepError.fromRecord(first.error);
      invariant(first.kind === 'opened', 'a loader thread opens its data set first');
      return new BatchLoader(thread, first);
    } catch (error) {
      await thread.terminate();
      throw error;
    }
  }

  private constructor(thread: Worker, opened: Extract<FromLoaderThread, { kind: 'opened' }>) {
    this.size = opened.size;
    this.inputs = opened.inputs;
    this.targets = opened.targets;
    this.adapted = opened.adapted;
    this.#thread = thread;
    this.#exited = new Promise((resolve) => thread.once('exit', resolve));
    thread.on('message', (message: FromLoaderThread) => this.#receive(message));
    thread.once('error', (error) =>
      this.#endWith(LockstepError.from(error, 'data/failed', 'the loader thread failed: ')),
    );
    thread.once('exit', (code) => this.#endWith(threadEnded(code)));
  }

  /** Begins a pass: batches step by step, replicas in order in each step, with all microsteps of one before the next. What an earlier pass left is dropped. */
  start(range: LoaderRange): void {
    invariant(!this.#isClosed, 'a closed loader does not start');
    invariant(range.plan.samples === this.size, 'a plan counts the samples of its data set');
    invariant(this.#waiters.length === 0, 'nobody waits for a batch of the pass before');
    const replicas = Math.max(range.replicas.end - range.replicas.start, 0);
    this.#left = Math.max(range.endStep - range.firstStep, 0) * replicas * (range.plan.accumulate ?? 1);
    this.#pass++;
    this.#failure = this.#end;
    for (const { batch } of this.#ready.splice(0)) this.recycle(batch);
    this.#post({ kind: 'start', pass: this.#pass, range });
  }

  /**
   * The pass's next batch; its arrays are the caller's until recycle().
   * @throws LockstepError data/corrupt, data/failed or job/threw when it could not be read
   */
  async next(): Promise<LoadedBatch> {
    invariant(this.#left > 0, 'next() is called once per batch of a pass');
    this.#left--;
    const ready = this.#ready.shift();
    if (ready !== undefined) return this.#take(ready);
    if (this.#failure !== undefined) throw this.#failure;
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Gives a batch's arrays back to be filled again; they are empty from here on. Optional: it saves allocations. */
  recycle(batch: Batch): void {
    const buffers = buffersOf(batch);
    const isWhole = buffers.length === batch.inputs.length + batch.targets.length + 1;
    if (isWhole && !this.#isClosed) this.#post({ kind: 'recycle', batch }, buffers);
  }

  /** Ends the thread and gives its files back; who still waits for a batch gets data/failed. Resolves once it ended. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#ready.length = 0;
      this.#post({ kind: 'close' });
    }
    // A data set's own code may never give its thread back.
    const deadline = setTimeout(() => void this.#thread.terminate(), CLOSE_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(deadline);
  }

  #receive(message: FromLoaderThread): void {
    switch (message.kind) {
      case 'opened':
      case 'progress':
        return;
      case 'batch': {
        if (message.pass !== this.#pass || this.#isClosed) {
          this.recycle(message.loaded.batch);
          return;
        }
        const waiter = this.#waiters.shift();
        if (waiter === undefined) this.#ready.push(message.loaded);
        else waiter.resolve(this.#take(message.loaded));
        return;
      }
      case 'failed':
        if (message.pass === this.#pass) this.#fail(LockstepError.fromRecord(message.error));
        return;
      default:
        assertNever(message);
    }
  }

  #take(loaded: LoadedBatch): LoadedBatch {
    this.#post({ kind: 'taken', pass: this.#pass });
    return loaded;
  }

  #endWith(error: LockstepError): void {
    this.#end ??= this.#isClosed ? new LockstepError('data/failed', 'the data loader was closed') : error;
    this.#fail(this.#end);
  }

  #fail(error: LockstepError): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure);
  }

  #post(message: ToLoaderThread, transfer: ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transfer);
  }
}

/** The first message that is no progress. */
function firstMessage(
  thread: Worker,
  onProgress: LoaderOptions['onProgress'],
): Promise<Exclude<FromLoaderThread, { kind: 'progress' }>> {
  return new Promise((resolve, reject) => {
    const receive = (message: FromLoaderThread): void => {
      if (message.kind === 'progress') {
        onProgress?.(message.text);
        return;
      }
      thread.off('message', receive);
      resolve(message);
    };
    thread.on('message', receive);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(threadEnded(code)));
  });
}

function threadEnded(code: number): LockstepError {
  return new LockstepError('data/failed', `the loader thread ended with code ${code}`, { details: { code } });
}
