import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { packageVersion } from '../shared/core/index.ts';
import { Journal, type StoredRecord } from './journal/index.ts';
import { createRunState, type JournalEntry, type Report, type RunState, recoverRun } from './membership/index.ts';
import { type CoordinatorOptions, membershipConfig } from './options.ts';

export interface BegunRun {
  readonly runId: string;
  readonly journal: Journal;
  readonly state: RunState;
  /** What an earlier coordinator of this run told. */
  readonly reports: readonly Report[];
}

/**
 * A new run with a journal of its own or, with `recover`, the unfinished one that the journal in `out` tells of.
 * @throws LockstepError checkpoint/write, config/invalid, journal/corrupt
 */
export function beginRun(options: CoordinatorOptions, now: number): BegunRun {
  const path = join(options.out, 'journal.log');
  const recovered = options.recover === true ? recover(path, options, now) : null;
  if (recovered !== null) return recovered;
  const runId = randomUUID();
  const state = createRunState(membershipConfig(options, runId), now);
  const journal = Journal.create(path);
  journal.append({ kind: 'run', runId, lockstepVersion: packageVersion(), settings: options.settings });
  return { runId, journal, state, reports: [] };
}

function recover(path: string, options: CoordinatorOptions, now: number): BegunRun | null {
  const journal = Journal.open(path);
  const { records } = journal;
  const runId = records.at(-1)?.runId ?? '';
  const entries = records.filter(
    (record): record is StoredRecord & JournalEntry => record.runId === runId && record.kind !== 'run',
  );
  const recovered = recoverRun(entries, membershipConfig(options, runId), now);
  if (recovered !== null) return { runId, journal, ...recovered };
  journal.close();
  return null;
}
