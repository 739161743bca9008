import { LineProcess } from './line-process.ts';
import type { RunnerReply, RunnerRequest } from './runner-protocol.ts';
import type { RunnerName } from './workloads.ts';

export interface RunnerCommand {
  readonly name: RunnerName;
  readonly command: string;
  readonly args: readonly string[];
}

/** One library in a process of its own, idle between requests. */
export class RunnerProcess {
  readonly name: RunnerName;
  readonly #process: LineProcess<RunnerRequest, RunnerReply>;

  constructor(command: RunnerCommand) {
    this.name = command.name;
    this.#process = new LineProcess(command);
  }

  /** @throws Error with the runner's reason */
  async ask<R extends RunnerReply['reply']>(
    request: RunnerRequest,
    expected: R,
  ): Promise<Extract<RunnerReply, { reply: R }>> {
    const reply = await this.#process.ask(request);
    if (reply.reply === 'failed') throw new Error(`${this.name} failed: ${reply.reason}`);
    if (reply.reply !== expected) throw new Error(`${this.name} answered ${reply.reply} where ${expected} was due`);
    return reply as Extract<RunnerReply, { reply: R }>;
  }

  /** Ends the process and waits until it is gone. */
  close(): Promise<void> {
    return this.#process.close();
  }
}
