import { fileURLToPath } from 'node:url';
import { LockstepError } from '../../shared/core/index.ts';
import { isJob, type Job, type JobPlace, jobsBefore } from '../../shared/job/index.ts';

/** A job, or a file that exports one as its default: a path, or `new URL('job.ts', import.meta.url)`. */
export type JobArgument = string | URL | Job;

export interface LocatedJob {
  readonly jobFile: string;
  readonly jobPlace: JobPlace | null;
}

/**
 * Where workers, which are other processes, find a job. Of a job itself that is this program: they run it up to there.
 * @throws LockstepError job/invalid
 */
export function locateJob(job: JobArgument): LocatedJob {
  if (typeof job === 'string') return { jobFile: job, jobPlace: null };
  if (job instanceof URL) return { jobFile: fileURLToPath(job), jobPlace: null };
  if (!isJob(job)) {
    throw new LockstepError('job/invalid', 'expected a job made by defineJob, or the path of a file that exports one');
  }
  const [, program, ...argv] = process.argv;
  if (program === undefined) {
    throw new LockstepError(
      'job/invalid',
      'this program has no file that workers could run to get the job: define the job in a file and give its path',
    );
  }
  return { jobFile: program, jobPlace: { before: jobsBefore(job), argv } };
}
