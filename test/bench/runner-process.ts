import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
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
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #complaints = '';

  constructor({ name, command, args }: RunnerCommand) {
    this.name = name;
    // Own environment: every library is held to one thread and to the processor.
    const env = { ...process.env, ...oneThread };
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.#child.on('error', (error) => {
      this.#complaints += error.message;
    });
    // A runner that is gone is told by the end of its output, not by a failed write.
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    if (this.#child.stdout === null) throw new Error('invariant broken: a runner has an output');
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** @throws Error with the runner's reason */
  async ask<R extends RunnerReply['reply']>(
    request: RunnerRequest,
    expected: R,
  ): Promise<Extract<RunnerReply, { reply: R }>> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`${this.name} ended: ${this.#complaints.trim().split('\n').slice(-3).join(' | ')}`);
      if (!String(value).startsWith('{')) continue; // a library's own word
      const reply = JSON.parse(String(value)) as RunnerReply;
      if (reply.reply === 'failed') throw new Error(`${this.name} failed: ${reply.reason}`);
      if (reply.reply === expected) return reply as Extract<RunnerReply, { reply: R }>;
    }
  }

  /** Ends the process and waits until it is gone. */
  async close(): Promise<void> {
    this.#reader.close();
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(force);
  }
}

const oneThread = {
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '3',
  CUDA_VISIBLE_DEVICES: '-1',
};
