import { existsSync, statSync } from 'node:fs';
import { LockstepError } from '../shared/core/index.ts';

/** Paths that a command was given, before any process starts. @throws LockstepError job/not-found, data/missing */
export function checkPaths({ jobFile, data }: { readonly jobFile: string; readonly data: string | null }): void {
  if (!existsSync(jobFile) || !statSync(jobFile).isFile()) {
    throw new LockstepError(
      'job/not-found',
      `${jobFile} is no file: expected a job file, which exports defineJob({ … }) as default`,
    );
  }
  if (data !== null && !(existsSync(data) && statSync(data).isDirectory())) {
    throw new LockstepError('data/missing', `--data ${data} is no directory`, { details: { path: data } });
  }
}
