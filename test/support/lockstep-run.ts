import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../../coordinator/index.ts';
import { repositoryRoot } from './repository.ts';

/** The object that `--json` prints last, of a run that trained. */
export type RunJson = RunResult & { readonly samplesPerSecond: number };

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const outputs = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
let runs = 0;

/** A `lockstep` command as a user runs it, in a process of its own; every process below it is known by its pid. */
export class LockstepRun {
  readonly out: string;
  readonly ended: Promise<Ended>;
  readonly #process: ChildProcess;
  #stdout = '';
  #stderr = '';
  readonly #waiting: { pattern: RegExp; resolve: (text: string) => void }[] = [];

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.out = join(outputs, `run${runs++}`);
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKSTEP_'));
    const withOut = ['train', 'evaluate', 'predict', 'run', 'coordinator'].includes(args[0] ?? '')
      ? ['--out', this.out]
      : [];
    this.#process = spawn(process.execPath, [join(repositoryRoot, 'cli/lockstep.mjs'), ...args, ...withOut], {
      cwd: repositoryRoot,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.#process.on('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
        for (const { resolve: wake } of this.#waiting.splice(0)) wake(this.#stderr);
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Resolves when stderr has something that matches, or at the end. */
  stderrMatches(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.push({ pattern, resolve });
      this.#wake();
    });
  }

  /** Processes that this command started and that are alive, by the role in their command line. */
  children(): { coordinator: number | undefined; workers: readonly number[] } {
    const pids = childPids(this.pid);
    const withRole = (role: string): number[] => pids.filter((pid) => commandLine(pid).includes(role));
    return { coordinator: withRole('coordinator')[0], workers: withRole('worker') };
  }

  /** The process of one worker that the launcher started, by its name. */
  worker(name: string): number {
    const pid = childPids(this.pid).find((candidate) => commandLine(candidate).includes(name));
    if (pid === undefined) throw new Error(`no process ${name}; the run said:\n${this.#stderr}`);
    return pid;
  }

  /** All processes that this command started and that are there. */
  descendants(): readonly number[] {
    return childPids(this.pid);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #wake(): void {
    for (const entry of [...this.#waiting]) {
      if (!entry.pattern.test(this.#stderr)) continue;
      this.#waiting.splice(this.#waiting.indexOf(entry), 1);
      entry.resolve(this.#stderr);
    }
  }
}

/** Runs a command to its end. */
export function lockstep(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new LockstepRun(args, env).ended;
}

/** Trains with `--json`. Throws with everything that was printed when the run fails. */
export async function trainJson(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunJson> {
  const ended = await lockstep(['train', ...args, '--json'], env);
  const last = ended.stdout.trim().split('\n').at(-1) ?? '';
  if (ended.code !== 0) throw new Error(`lockstep train ${args.join(' ')} exited with ${ended.code}:\n${ended.stderr}`);
  return JSON.parse(last) as RunJson;
}

export function removeOutputs(): void {
  rmSync(outputs, { recursive: true, force: true });
}

export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  // A zombie has ended; its parent has just not asked yet.
  return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

function childPids(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
