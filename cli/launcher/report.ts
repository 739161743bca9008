import { type ErrorRecord, LockstepError } from '../../shared/core/index.ts';
import { type ChildState, coordinatorName, type LaunchState, wasInterrupted } from './decide.ts';

/** What is known of a child besides its exit. */
export interface ChildWords {
  readonly pid: number | undefined;
  /** The error that it reported to the launcher before it ended. */
  readonly error: ErrorRecord | null;
  /** Where `error` has been printed already: on the launcher's own standard error. */
  readonly wasTold: boolean;
  /** Its most telling line on standard error, where the launcher reads that. */
  readonly lastLine: string | null;
}

export type WordsOf = (name: string) => ChildWords;

export interface LaunchReport {
  /** What ended the run, or `null` after success. */
  readonly failure: LockstepError | null;
  /** The user has read it already. */
  readonly wasTold: boolean;
  /** How the other processes ended, a line each, in the order of their ends; empty after success. */
  readonly consequences: readonly string[];
}

export function reportLaunch(state: LaunchState, wordsOf: WordsOf, startedAt: Date): LaunchReport {
  const culprit = blame(state, wordsOf);
  if (culprit === null) {
    const failure = wasInterrupted(state)
      ? new LockstepError('run/interrupted', 'the run was ended by the user')
      : null;
    return { failure, wasTold: false, consequences: [] };
  }
  const words = wordsOf(culprit.name);
  const failure = words.error === null ? lost(culprit, words, startedAt) : LockstepError.fromRecord(words.error);
  return { failure, wasTold: words.wasTold, consequences: consequencesOf(culprit, failure, state, wordsOf) };
}

/**
 * The child to lead the report. Usually the first that failed. But of several workers that failed in a row only the
 * coordinator knows which was the cause: unless the first was killed from outside or said nothing, its verdict counts.
 */
function blame(state: LaunchState, wordsOf: WordsOf): ChildState | null {
  const first = state.children.find(({ name }) => name === state.firstFailure);
  if (first?.exit == null) return null;
  if (first.exit.signal !== null) return first;
  // Who ended without a word of its own is known to the coordinator as a closed connection, and to us by its exit code.
  if (wordsOf(first.name).error === null) return first;
  const coordinator = state.children.find(({ name }) => name === coordinatorName);
  const gaveVerdict = coordinator?.exit?.signal === null && wordsOf(coordinatorName).error !== null;
  return gaveVerdict && coordinator !== undefined ? coordinator : first;
}

function lost(child: ChildState, { pid, lastLine }: ChildWords, startedAt: Date): LockstepError {
  const { name, exit } = child;
  const [code, who] =
    name === coordinatorName
      ? (['run/coordinator-lost', 'the coordinator'] as const)
      : (['run/worker-lost', `worker ${name}`] as const);
  const when = new Date(startedAt.getTime() + (exit?.at ?? 0)).toISOString();
  const words = lastLine === null ? '' : `; its last line: ${lastLine}`;
  const how =
    exit?.signal == null && name !== coordinatorName
      ? `ended before the run did (exit code ${exit?.code})`
      : howItEnded(child);
  return new LockstepError(code, `${who} (pid ${pid ?? 'none'}) ${how} at ${when}${words}`, {
    details: { child: name, pid: pid ?? null, exitCode: exit?.code ?? null, signal: exit?.signal ?? null },
  });
}

function consequencesOf(culprit: ChildState, failure: LockstepError, state: LaunchState, wordsOf: WordsOf): string[] {
  const ended = state.children.filter(({ exit }) => exit !== null).sort((a, b) => endOf(a) - endOf(b));
  const firstEnd = ended[0] === undefined ? 0 : endOf(ended[0]);
  return ended
    .filter((child) => child !== culprit)
    .map((child) => {
      const { pid, error, lastLine, wasTold } = wordsOf(child.name);
      // The coordinator repeats a worker's own words and adds which worker it was.
      const isKnown = wasTold || (error?.code === failure.code && failure.message.startsWith(error.message));
      // Last words of a process that was killed have nothing to do with its end.
      const lastWords = child.exit?.signal === null ? lastLine : null;
      const words = isKnown ? null : error === null ? lastWords : `${error.code}: ${error.message}`;
      const after = ((endOf(child) - firstEnd) / 1000).toFixed(1);
      return `${child.name} (pid ${pid ?? 'none'}) ${howItEnded(child)} (+${after} s)${words === null ? '' : `: ${words}`}`;
    });
}

function endOf({ exit }: ChildState): number {
  return exit?.at ?? 0;
}

function howItEnded({ exit }: ChildState): string {
  if (exit === null) return 'runs';
  return exit.signal === null ? `exited with code ${exit.code}` : `was killed by ${exit.signal}`;
}
