import { LockstepError } from '../../shared/core/index.ts';
import { completeOptions, type OptionReader, reader, stepCount } from '../../shared/job/index.ts';

/** What every callback with words of its own takes. */
export interface VerboseOptions {
  /** 1 tells what it does on the worker that runs it; 0 is silent. Default 0. */
  readonly verbose?: 0 | 1;
}

export const finite = reader('a finite number', Number.isFinite);
export const words = reader('a text', (value) => typeof value === 'string' && value !== '');
export const verbosity = reader('0 or 1', (value) => value === 0 || value === 1);
export const monitorReaders = {
  monitor: words,
  mode: reader("'auto', 'min' or 'max'", (value) => value === 'auto' || value === 'min' || value === 'max'),
} as const;
export const count: OptionReader = stepCount;

/** @throws LockstepError job/invalid for an option that the callback doesn't have, with the nearest one, and for a value that it doesn't take */
export function checkOptions(owner: string, readers: Readonly<Record<string, OptionReader>>, options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LockstepError('job/invalid', `${owner} expects an object of options, got ${JSON.stringify(options)}.`);
  }
  completeOptions(owner, readers, {}, options);
}

let isQuiet = false;

/** Without lines of callbacks in the meantime. */
export async function quietly(run: () => Promise<void>): Promise<void> {
  isQuiet = true;
  try {
    await run();
  } finally {
    isQuiet = false;
  }
}

/** A line on the worker that runs the callbacks; the launcher puts the worker's name before it. */
export function teller(verbose: 0 | 1): (line: string) => void {
  return (line) => {
    if (verbose === 1 && !isQuiet) console.error(line);
  };
}
