import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { RunSettings } from '../../shared/config/index.ts';
import { type Clock, LockstepError, monotonicClock } from '../../shared/core/index.ts';
import type { JournalEntry } from '../membership/index.ts';
import { decodeLines, encodeLine } from './line.ts';

export type JournalRecord = { readonly runId: string } & (
  | { readonly kind: 'run'; readonly lockstepVersion: string; readonly settings: RunSettings }
  | JournalEntry
);

/** As stored: with the wall-clock time of writing, ISO 8601 in UTC. */
export type StoredRecord = JournalRecord & { readonly time: string };

/** Steps may be lost with a crash of the machine for this long; they can be told again by the workers. */
const STEP_SYNC_MS = 1000;

/**
 * The run's memory: an append-only file of checksummed records. Decisions are on disk before anyone is told of them;
 * step commits are written at once and synced at most once a second. A write blocks for as long as the disk takes.
 */
export class Journal {
  readonly path: string;
  /** What the file held when it was opened. */
  readonly records: readonly StoredRecord[];
  /** Bytes of a torn tail that were cut at opening. */
  readonly cutBytes: number;
  readonly #file: number;
  readonly #clock: Clock;
  #lastSyncMs: number;
  #dirty = false;
  #closed = false;

  private constructor(path: string, file: number, clock: Clock, records: readonly StoredRecord[], cutBytes: number) {
    this.path = path;
    this.records = records;
    this.cutBytes = cutBytes;
    this.#file = file;
    this.#clock = clock;
    this.#lastSyncMs = clock.now();
  }

  /**
   * A new, empty journal. One that an earlier run left at `path` is kept under a number: journal.log becomes
   * journal.1.log, the next one journal.2.log. @throws LockstepError checkpoint/write
   */
  static create(path: string, clock: Clock = monotonicClock): Journal {
    try {
      if (existsSync(path)) renameSync(path, nextName(path));
    } catch (cause) {
      throw LockstepError.from(cause, 'checkpoint/write', `the journal ${path} of an earlier run cannot be renamed: `);
    }
    return Journal.open(path, clock);
  }

  /** Opens or creates the journal, and cuts a torn tail. @throws LockstepError journal/corrupt, checkpoint/write */
  static open(path: string, clock: Clock = monotonicClock): Journal {
    mkdirSync(dirname(path), { recursive: true });
    let file: number;
    try {
      file = openSync(path, 'a+');
    } catch (cause) {
      throw LockstepError.from(cause, 'checkpoint/write', `the journal ${path} cannot be written: `);
    }
    try {
      const bytes = readFileSync(file);
      const { records, length } = decode(path, bytes);
      if (length < bytes.length) {
        ftruncateSync(file, length);
        fsyncSync(file);
      }
      if (bytes.length === 0) syncDirectory(dirname(path));
      return new Journal(path, file, clock, records, bytes.length - length);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  append(record: JournalRecord): void {
    writeAll(this.#file, encodeLine({ ...record, time: new Date().toISOString() }));
    this.#dirty = true;
    if (record.kind !== 'step' || this.#clock.now() - this.#lastSyncMs >= STEP_SYNC_MS) this.sync();
  }

  /** Brings what was appended to the disk. */
  sync(): void {
    if (!this.#dirty) return;
    fsyncSync(this.#file);
    this.#dirty = false;
    this.#lastSyncMs = this.#clock.now();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.sync();
    closeSync(this.#file);
  }
}

function nextName(path: string): string {
  const extension = extname(path);
  const start = `${basename(path, extension)}.`;
  const numbers = readdirSync(dirname(path))
    .filter((name) => name.startsWith(start) && name.endsWith(extension))
    .map((name) => Number(name.slice(start.length, -extension.length)))
    .filter(Number.isInteger);
  return join(dirname(path), `${start}${Math.max(0, ...numbers) + 1}${extension}`);
}

/** All whole records of a journal, which may still be in use. @throws LockstepError journal/corrupt, checkpoint/missing */
export function readJournal(path: string): readonly StoredRecord[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new LockstepError('checkpoint/missing', `there is no journal at ${path}`, { cause });
  }
  return decode(path, bytes).records;
}

function decode(path: string, bytes: Buffer): { records: readonly StoredRecord[]; length: number } {
  const decoded = decodeLines(bytes);
  if (decoded.kind === 'corrupt') {
    throw new LockstepError(
      'journal/corrupt',
      `${path}: record ${decoded.line} at byte ${decoded.offset} fails its checksum and good records follow it, ` +
        'so it is damaged, not torn; restore the file or choose another --out',
      { details: { path, offset: decoded.offset, line: decoded.line } },
    );
  }
  return { records: decoded.records as readonly StoredRecord[], length: decoded.length };
}

/** The name of a new file is durable only once its directory is; systems that cannot sync one need not. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}
