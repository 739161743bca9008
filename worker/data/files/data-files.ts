import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { LockstepError } from '../../../shared/core/index.ts';

/** What a message says about a data set's files. */
export interface FileNeeds {
  /** For example `CIFAR-10`. */
  readonly name: string;
  /** What the directory should hold. */
  readonly contents: string;
  /** A folder that the files usually lie in; searched when it lies in the given directory. */
  readonly folder?: string;
}

/**
 * The directory of a data set's files: the job's own, else the run's.
 * @throws LockstepError data/missing that says how to give one
 */
export function findDirectory(location: string | undefined, fallback: string | undefined, needs: FileNeeds): string {
  const given = location ?? fallback;
  const source = location === undefined ? '--data' : "the job's directory";
  if (given === undefined) {
    throw new LockstepError(
      'data/missing',
      `no directory for ${needs.name}: give it by --data DIR, LOCKSTEP_DATA or \`directory\` in the job. ` +
        `It must hold ${needs.contents}`,
    );
  }
  const directory = resolve(given);
  const nested = needs.folder === undefined ? undefined : join(directory, needs.folder);
  if (nested !== undefined && isDirectory(nested)) return nested;
  if (isDirectory(directory)) return directory;
  throw new LockstepError(
    'data/missing',
    `${directory} (${source}) is no directory; for ${needs.name} it must hold ${needs.contents}`,
    { details: { directory } },
  );
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Names in the directory, sorted so that data_batch_10 comes after data_batch_9. */
export function listFiles(directory: string): string[] {
  return readdirSync(directory).sort(new Intl.Collator('en', { numeric: true }).compare);
}

/** Bytes that are read at given places, so that a data set may be larger than memory. */
export interface DataBytes {
  /** For messages: the file, and the part of it. */
  readonly path: string;
  readonly size: number;
  /** Fills `target` with the bytes from `position`. @throws LockstepError data/corrupt where they end before */
  read(target: Uint8Array, position: number): void;
  /** @throws LockstepError data/corrupt */
  fail(byte: number, problem: string): never;
  close(): void;
}

/** An open file. */
export class DataFile implements DataBytes {
  readonly path: string;
  readonly name: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  #handle: number | undefined;

  /** @param label what messages call it @throws LockstepError data/missing */
  constructor(path: string, needs: FileNeeds, label = path) {
    this.path = label;
    this.name = basename(path);
    try {
      this.#handle = openSync(path, 'r');
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : `cannot be read: ${cause}`;
      throw new LockstepError('data/missing', `${label} ${reason}; ${needs.name} needs ${needs.contents}`, { cause });
    }
    this.size = fstatSync(this.#handle).size;
  }

  /** Fills `target` with the bytes from `position`. @throws LockstepError data/corrupt where the file ends before */
  read(target: Uint8Array, position: number): void {
    if (this.#handle === undefined) throw new Error(`invariant broken: ${this.path} is read after close()`);
    for (let done = 0; done < target.length; ) {
      const count = readSync(this.#handle, target, done, target.length - done, position + done);
      if (count === 0) this.fail(position + done, `the file ends, expected ${target.length - done} more bytes`);
      done += count;
    }
  }

  /** @throws LockstepError data/corrupt */
  fail(byte: number, problem: string): never {
    throw new LockstepError('data/corrupt', `${this.path} byte ${byte}: ${problem}`, {
      details: { file: this.path, byte },
    });
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }
}
