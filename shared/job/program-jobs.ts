import { LockstepError } from '../core/index.ts';
import type { Job } from './job.ts';

/**
 * Where workers find a job that a program defines and trains itself: they run the program again until it has defined
 * that many jobs.
 */
export interface JobPlace {
  /** Jobs that the program defines before it. */
  readonly before: number;
  /** The program's arguments, which may decide what the job is. */
  readonly argv: readonly string[];
}

interface Search {
  /** Jobs to skip; null where the file's default export is wanted. */
  readonly before: number | null;
  readonly found: (job: Job) => void;
  readonly failed: (error: LockstepError) => void;
}

let defined = 0;
/** Set for good in a process that loads a job in order to work on it. */
let search: (Search & { over: boolean }) | undefined;

/** Called for each job that is defined, in order. @returns how many came before it */
export function countJob(job: Job): number {
  if (search?.before === defined && !search.over) {
    search.over = true;
    search.found(job);
  }
  return defined++;
}

/** From here on this process is a worker: what its job file does, other than defining jobs, has no effect. */
export function enterWorker(wanted: Search): void {
  defined = 0;
  search = { ...wanted, over: false };
}

/**
 * To be asked first by whatever a program starts a run with.
 * @returns in a worker, which runs the program only for the job in it, a promise that never settles; else undefined
 * @throws LockstepError job/invalid where a job file starts a run, or the wanted job is defined after its first run
 */
export function heldInWorker(call: string): Promise<never> | undefined {
  if (search === undefined) return undefined;
  if (search.before === null) {
    throw new LockstepError(
      'job/invalid',
      `the job file calls ${call}(), which would start a run in every worker: call it in a program of its own, or give ` +
        `${call}() the job itself and start the program with node`,
    );
  }
  if (!search.over) {
    search.over = true;
    const error = new LockstepError(
      'job/invalid',
      `the program calls ${call}() before it defines the job that is wanted (its job number ${search.before + 1}): workers run ` +
        'the program up to its first run. Define all jobs before, or put each in a file of its own',
    );
    search.failed(error);
  }
  return new Promise<never>(() => {});
}
