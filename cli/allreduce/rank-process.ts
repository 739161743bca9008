import { type ChildProcess, fork } from 'node:child_process';
import { invariant, LockstepError } from '../../shared/core/index.ts';
import type { RankReply, RankRequest } from '../../worker/session/index.ts';
import { forkOptions, type NetworkNode } from '../network/index.ts';

/** One rank of Lockstep's allreduce in a process of its own. */
export class RankProcess {
  readonly #name: string;
  readonly #process: ChildProcess;
  #waiting: { resolve: (reply: RankReply) => void; reject: (error: LockstepError) => void } | undefined;
  #failure: LockstepError | undefined;
  #complaints = '';

  constructor(name: string, node: NetworkNode) {
    this.#name = name;
    const module = new URL('../../worker/session/measure/main.js', import.meta.url).pathname;
    this.#process = fork(module, [name], {
      ...forkOptions(node),
      // Out of the terminal's process group: Ctrl-C is for the command, which ends its ranks.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    this.#process.on('message', (reply: RankReply) => this.#answered(reply));
    this.#process.on('error', (error) => this.#ended(error.message));
    this.#process.on('exit', (code, killed) =>
      this.#ended(killed === null ? `exit code ${code}` : `killed by ${killed}`),
    );
  }

  /** @throws LockstepError the rank's own failure, or run/worker-lost when its process ended */
  async ask<K extends RankReply['kind']>(request: RankRequest, expected: K): Promise<Extract<RankReply, { kind: K }>> {
    if (this.#failure !== undefined) throw this.#failure;
    const reply = await new Promise<RankReply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#process.send(request);
    });
    if (reply.kind === 'failed') throw LockstepError.fromRecord(reply.error);
    invariant(reply.kind === expected, `${this.#name} answered ${reply.kind} where ${expected} was due`);
    return reply as Extract<RankReply, { kind: K }>;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #answered(reply: RankReply): void {
    this.#waiting?.resolve(reply);
    this.#waiting = undefined;
  }

  #ended(how: string): void {
    const words = this.#complaints.trim().split('\n').slice(-3).join(' | ');
    const problem = `${this.#name} of the benchmark ended (${how})${words === '' ? '' : `: ${words}`}`;
    this.#failure ??= new LockstepError('run/worker-lost', problem);
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}
