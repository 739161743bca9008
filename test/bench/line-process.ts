import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { commandOn, type NetworkNode } from '../../cli/network/index.ts';

export interface LineProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs; this host when not given. */
  readonly node?: NetworkNode;
}

/** A program that answers each JSON line of its standard input by one on its standard output, idle between requests. */
export class LineProcess<Request extends object, Reply extends object> {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #complaints = '';

  constructor({ name, command, args, env = {}, node }: LineProcessOptions) {
    this.name = name;
    const [program, programArgs] = commandOn(node ?? { prefix: [] }, command, args);
    this.#child = spawn(program, programArgs, {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Own environment: every library is held to one thread and to the processor.
      env: { ...process.env, ...oneThread, ...env },
    });
    this.#child.on('error', (error) => {
      this.#complaints += error.message;
    });
    // A program that is gone is told by the end of its output, not by a failed write.
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    if (this.#child.stdout === null) throw new Error('invariant broken: a line process has an output');
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** @throws Error with what it complained about, when it ends first */
  async ask(request: Request): Promise<Reply> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.next();
  }

  /** Its next word, which it says unasked. */
  async next(): Promise<Reply> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`${this.name} ended: ${this.#complaints.trim().split('\n').slice(-3).join(' | ')}`);
      // Other lines are a library's own.
      if (String(value).startsWith('{')) return JSON.parse(String(value)) as Reply;
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends the process and waits until it is gone. */
  async close(): Promise<void> {
    this.#reader.close();
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.kill(), 5000);
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
