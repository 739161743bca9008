import { existsSync, statSync } from 'node:fs';
import { LockstepError, makeDirectory } from '../shared/core/index.ts';

export interface GivenPaths {
  readonly jobFile: string;
  readonly data: string | null;
  readonly model?: string | null;
  /** Made if it is not there, once all else is in order. */
  readonly out?: string;
}

/** Paths that a command was given, before any process starts. @throws LockstepError job/not-found, config/invalid */
export function checkPaths({ jobFile, data, model = null, out }: GivenPaths): void {
  if (!isKind(jobFile, 'isFile')) {
    throw new LockstepError(
      'job/not-found',
      `${jobFile} is no file: expected a job file, which exports defineJob({ … }) as default`,
    );
  }
  if (data !== null && !isKind(data, 'isDirectory')) {
    throw new LockstepError('config/invalid', `--data ${data} is no directory`, { details: { path: data } });
  }
  if (model !== null && !existsSync(model)) {
    throw new LockstepError('config/invalid', `--model ${model} does not exist`, { details: { path: model } });
  }
  if (out !== undefined) makeDirectory(out, '--out');
}

function isKind(path: string, kind: 'isFile' | 'isDirectory'): boolean {
  return existsSync(path) && statSync(path)[kind]();
}
