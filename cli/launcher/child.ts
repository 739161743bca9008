import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ErrorRecord } from '../../shared/core/index.ts';
import { forkOptions, type NetworkNode } from '../network/index.ts';
import { parseErrorText } from './error-text.ts';
import type { FromChild, ToChild } from './messages.ts';
import type { ChildWords } from './report.ts';

export interface ChildOptions {
  readonly name: string;
  /** File that Node runs. */
  readonly module: string;
  /** Shown by ps; the options themselves travel by message. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it runs; this host when not given. */
  readonly node?: NetworkNode;
  readonly stdout: 'inherit' | ((line: string) => void);
  readonly stderr: 'inherit' | ((line: string) => void);
  onMessage(message: FromChild): void;
  /** Called once. A process that could not be started exits with code 1. */
  onExit(code: number | null, signal: string | null): void;
}

/** One forked process. It leads a process group of its own, so that the terminal's signals reach only the launcher. */
export class LaunchedChild {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #streamsEnded: Promise<unknown>;
  #lastLine: string | null = null;
  #error: ErrorRecord | null = null;
  #wasTold = false;
  #exited = false;

  constructor(options: ChildOptions) {
    this.name = options.name;
    const { stdout, stderr } = options;
    this.#process = fork(options.module, [...options.args], {
      detached: true,
      env: { ...process.env, ...options.env },
      ...forkOptions(options.node ?? { prefix: [] }),
      stdio: ['ignore', stdout === 'inherit' ? 'inherit' : 'pipe', stderr === 'inherit' ? 'inherit' : 'pipe', 'ipc'],
    });
    const ends: Promise<void>[] = [];
    if (stdout !== 'inherit') ends.push(this.#readLines(this.#process.stdout, stdout));
    if (stderr !== 'inherit') {
      ends.push(
        this.#readLines(this.#process.stderr, (line) => {
          this.#remember(line);
          stderr(line);
        }),
      );
    }
    this.#streamsEnded = Promise.all(ends);
    this.#process.on('message', (message: FromChild) => {
      if (message.kind === 'failed') {
        this.#error = message.error;
        this.#wasTold = message.wasTold && stderr === 'inherit';
      }
      options.onMessage(message);
    });
    const exit = (code: number | null, signal: string | null) => {
      if (this.#exited) return;
      this.#exited = true;
      options.onExit(code, signal);
    };
    this.#process.on('exit', exit);
    this.#process.on('error', (error) => {
      this.#lastLine ??= error.message;
      // Also emitted when a message or signal came too late; only a process that never started has no pid.
      if (this.#process.pid === undefined) exit(1, null);
    });
  }

  get words(): ChildWords {
    const error = this.#error ?? parseErrorText(this.#lastLine ?? '');
    return { pid: this.#process.pid, error, wasTold: this.#wasTold, lastLine: this.#lastLine };
  }

  send(message: ToChild): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  /** To the process; SIGKILL to its whole group, so that nothing that it started outlives it. */
  signal(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#process;
    if (pid === undefined || this.#exited) return;
    try {
      process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Waits for what the process wrote last, but not for a grandchild that holds its streams open. */
  async drained(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#streamsEnded,
      new Promise((resolve) => {
        timer = setTimeout(resolve, limitMs);
      }),
    ]);
    clearTimeout(timer);
    this.#process.stdout?.destroy();
    this.#process.stderr?.destroy();
  }

  #remember(line: string): void {
    if (isLibraryChatter(line)) return;
    if (this.#lastLine === null || weight(line) >= weight(this.#lastLine)) this.#lastLine = line;
  }

  #readLines(stream: NodeJS.ReadableStream | null, take: (line: string) => void): Promise<void> {
    return new Promise((resolve) => {
      if (stream === null) return resolve();
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
      lines.on('line', take);
      lines.on('close', () => resolve());
    });
  }
}

/** What TensorFlow says of itself at every start, whatever its log level: that it uses oneDNN. */
export function isLibraryChatter(line: string): boolean {
  return /^I\d{4} \d|^WARNING: All log messages before absl::InitializeLog/.test(line);
}

/** How much a line on standard error says about an end: Lockstep's own error, a crash's error, anything, nothing. */
function weight(line: string): number {
  if (line.startsWith('error: ')) return 3;
  if (/^(Uncaught )?\w*Error\b.*: /.test(line)) return 2;
  return line.trim() === '' || /^\s|^Node\.js v|^}$/.test(line) ? 0 : 1;
}
