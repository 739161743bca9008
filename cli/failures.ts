import { type ErrorRecord, LockstepError } from '../shared/core/index.ts';

/** The exit codes of every command; `resumable` is of a run that ended early with a checkpoint of its last step, `130` is what shells use for a program that Ctrl-C ended. */
export const exitCodes = {
  success: 0,
  runFailed: 1,
  badUsage: 2,
  interrupted: 130,
  resumable: 3,
  evicted: 75,
} as const;

export function exitCodeFor({ code }: Pick<ErrorRecord, 'code'>): number {
  if (code === 'run/interrupted') return exitCodes.interrupted;
  if (code === 'run/evicted') return exitCodes.evicted;
  return code.startsWith('config/') || code === 'job/not-found' ? exitCodes.badUsage : exitCodes.runFailed;
}

/** What is printed about an error: the user's own error with its stack first, then `error: code: message`. */
export function describeFailure(error: unknown): string {
  // A broken invariant is a bug: its stack is what a report of it needs.
  if (!(error instanceof LockstepError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { code, message, causeStack } = error.toRecord();
  const own = code === 'job/threw' && causeStack !== undefined ? `${causeStack}\n` : '';
  return `${own}error: ${code}: ${message}`;
}
