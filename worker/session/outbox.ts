import type { WorkerMessage } from '../../shared/rpc/index.ts';

/** More than what is under way between a worker and its coordinator. */
const RECENT = 512;

/**
 * What a coordinator that dies may not have got of this worker: everything while there is none, and the last messages
 * before. Heartbeats and greetings are of the moment.
 */
export class Outbox {
  #messages: WorkerMessage[] = [];

  /** @param isConnected it is sent now as well */
  add(message: WorkerMessage, isConnected: boolean): void {
    if (message.heartbeat || message.hello || message.ready) return;
    this.#messages.push(message);
    if (isConnected && this.#messages.length > 2 * RECENT) this.#messages = this.#messages.slice(-RECENT);
  }

  get all(): readonly WorkerMessage[] {
    return [...this.#messages];
  }

  /** What was before concerns nobody any more. */
  clear(): void {
    this.#messages = [];
  }
}
