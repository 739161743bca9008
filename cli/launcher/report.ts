import { type ErrorRecord, LockstepError } from '../../shared/core/index.ts';
import { type ChildState, coordinatorName, type LaunchState, wasInterrupted } from './decide.ts';

/** What is known of a child besides its exit. */
export interface ChildWords {
  readonly pid: number | undefined;
  /** The error that it reported to the launcher before it ended. */
  readonly error: ErrorRecord | null;
  /** Its last line on standard error, where the launcher reads that. */
  readonly lastLine: string | null;
  /** Its standard error is the launcher's own: what it had to say has been read already. */
  readonly spokeForItself: boolean;
}

export type WordsOf = (name: string) => ChildWords;

/** The error that ended a run: that of the child which failed first, or `null` after success. */
export function firstFailure(state: LaunchState, wordsOf: WordsOf, startedAt: Date): LockstepError | null {
  const child = state.children.find(({ name }) => name === state.firstFailure);
  if (child?.exit == null) {
    return wasInterrupted(state) ? new LockstepError('run/interrupted', 'the run was ended by the user') : null;
  }
  const { name, exit } = child;
  const words = wordsOf(name);
  if (words.error !== null) return LockstepError.fromRecord(words.error);
  const code = name === coordinatorName ? 'run/coordinator-lost' : 'run/worker-lost';
  const who = name === coordinatorName ? 'the coordinator' : `worker ${name}`;
  const when = new Date(startedAt.getTime() + exit.at).toISOString();
  const lastLine = words.lastLine === null ? '' : `; its last line: ${words.lastLine}`;
  return new LockstepError(code, `${who} (pid ${words.pid ?? 'none'}) ${howItEnded(child)} at ${when}${lastLine}`, {
    details: { child: name, pid: words.pid ?? null, exitCode: exit.code, signal: exit.signal },
  });
}

/** Whether the child that failed first ended by itself after printing its error where the user reads. */
export function hasSpoken(state: LaunchState, wordsOf: WordsOf): boolean {
  const child = state.children.find(({ name }) => name === state.firstFailure);
  if (child?.exit == null || child.exit.signal !== null) return false;
  const { error, spokeForItself } = wordsOf(child.name);
  return spokeForItself && error === null;
}

/** How the others ended, one line each, in the order of their ends. */
export function consequences(state: LaunchState, wordsOf: WordsOf): string[] {
  const first = state.children.find(({ name }) => name === state.firstFailure);
  const firstAt = first?.exit?.at ?? 0;
  return state.children
    .filter((child) => child !== first && child.exit !== null)
    .sort((a, b) => (a.exit?.at ?? 0) - (b.exit?.at ?? 0))
    .map((child) => {
      const { pid, error, lastLine } = wordsOf(child.name);
      const after = (((child.exit?.at ?? 0) - firstAt) / 1000).toFixed(1);
      const words = error === null ? lastLine : `${error.code}: ${error.message}`;
      return `${child.name} (pid ${pid ?? 'none'}) ${howItEnded(child)} ${after} s later${words === null ? '' : `: ${words}`}`;
    });
}

function howItEnded({ exit }: ChildState): string {
  if (exit === null) return 'runs';
  return exit.signal !== null ? `was killed by ${exit.signal}` : `exited with code ${exit.code}`;
}
