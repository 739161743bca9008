import { LockstepError } from '../../shared/core/index.ts';
import type { ChunkSource } from './transport.ts';

interface Waiter {
  readonly runId: string;
  readonly generation: number;
  resolve(source: ChunkSource | Promise<ChunkSource>): void;
  reject(error: unknown): void;
}

/**
 * The generation that a worker serves. The one place that refuses stale messages: an older generation or another run
 * is an error; a newer generation waits, because peers learn of it in any order.
 */
export class SourceRegistry {
  readonly #workerId: string;
  #current: ChunkSource | undefined;
  #waiters: Waiter[] = [];

  constructor(workerId: string) {
    this.#workerId = workerId;
  }

  serve(source: ChunkSource): void {
    this.#current = source;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      try {
        waiter.resolve(this.find(waiter.runId, waiter.generation));
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  /** The source, or its coming. @throws LockstepError collective/stale */
  find(runId: string, generation: number): ChunkSource | Promise<ChunkSource> {
    const current = this.#current;
    if (current !== undefined && current.runId !== runId) {
      throw this.#stale(`it is in run ${current.runId}, the request is of run ${runId}`);
    }
    if (current !== undefined && current.generation > generation) {
      throw this.#stale(`it is at generation ${current.generation}, the request is of generation ${generation}`);
    }
    if (current?.generation === generation) return current;
    return new Promise((resolve, reject) => this.#waiters.push({ runId, generation, resolve, reject }));
  }

  close(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#stale('it is closing'));
  }

  #stale(reason: string): LockstepError {
    return new LockstepError('collective/stale', `worker ${this.#workerId} refused a request: ${reason}`, {
      details: { workerId: this.#workerId },
      action: 'discard',
    });
  }
}
