import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '../../shared/core/index.ts';

/** Who holds an output directory. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in the system's own words: with it a pid that was given away again is recognized. */
  readonly start: string;
  /** ISO 8601 in UTC. */
  readonly since: string;
}

/** The start of a running process of this host; null when there is none with this pid. */
export type StartOf = (pid: number) => string | null;

const lockFile = 'run.lock';
/** Each attempt but the first finds that another process was faster. */
const ATTEMPTS = 10;

/** Holds an output directory for one run, as the file `run.lock` in it. */
export class RunLock {
  readonly #path: string;
  readonly #text: string;
  readonly #releaseAtExit = () => this.release();

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
    process.once('exit', this.#releaseAtExit);
  }

  /**
   * A lock that a process of this host left behind when it died is taken over.
   * @throws LockstepError config/invalid when a run has it, or when it cannot be written
   */
  static acquire(directory: string, startOf: StartOf = startOfProcess): RunLock {
    const path = join(directory, lockFile);
    const owner = { pid: process.pid, host: hostname(), start: startOf(process.pid) ?? '', since: now() };
    const text = `${JSON.stringify(owner)}\n`;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (create(path, text)) return new RunLock(path, text);
      const held = read(path);
      if (held === null) continue;
      const other = parse(held);
      if (other === null || !isDead(other, startOf)) throw inUse(directory, path, other);
      putAside(path, held);
    }
    throw inUse(directory, path, null);
  }

  /** Idempotent. */
  release(): void {
    process.off('exit', this.#releaseAtExit);
    if (read(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

function now(): string {
  return new Date().toISOString();
}

/** False when it exists. The file appears with its whole text, so that nobody reads half of it. */
function create(path: string, text: string): boolean {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text);
    linkSync(draft, path);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') return createWithoutLinks(path, text);
    throw LockstepError.from(cause, 'config/invalid', `${path}, which keeps other runs out, cannot be written: `);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** For file systems without hard links. */
function createWithoutLinks(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw LockstepError.from(cause, 'config/invalid', `${path}, which keeps other runs out, cannot be written: `);
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parse(text: string): LockOwner | null {
  try {
    const { pid, host, start, since } = JSON.parse(text) as Partial<LockOwner>;
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof start !== 'string') return null;
    return { pid, host, start, since: String(since) };
  } catch {
    return null;
  }
}

/** Only this host's processes can be asked. */
function isDead({ pid, host, start }: LockOwner, startOf: StartOf): boolean {
  return host === hostname() && startOf(pid) !== start;
}

/** Removes a stale lock, unless another process has just replaced it by its own: that one gets it back. */
function putAside(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (read(aside) !== stale) create(path, read(aside) ?? '');
    rmSync(aside, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function inUse(directory: string, path: string, owner: LockOwner | null): LockstepError {
  const who = owner === null ? 'another run' : `another run (pid ${owner.pid} on ${owner.host}, since ${owner.since})`;
  return new LockstepError(
    'config/invalid',
    `--out ${directory} is in use by ${who}; give this run another --out, or wait for the end of that one. ` +
      `If it is over for certain, remove ${path}`,
    { details: { path, pid: owner?.pid ?? null, host: owner?.host ?? null } },
  );
}

/** Field 22 of /proc/PID/stat, in ticks since boot; elsewhere only whether the process runs is known. */
function startOfProcess(pid: number): string | null {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0) ? '' : null;
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const isZombie = fields[0] === 'Z' || fields[0] === 'X';
    return isZombie ? null : (fields[19] ?? '');
  } catch (error) {
    // A process of another user runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : null;
  }
}
