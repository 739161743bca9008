import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LockstepError } from './errors.ts';

/**
 * Makes sure that `path` is a directory that files can be written to, with its parents.
 * @param option who gave the path, for the message: `--out`
 * @throws LockstepError config/invalid with the path and the system's reason
 */
export function makeDirectory(path: string, option: string): void {
  try {
    // One by one from the nearest parent that exists: Node's own recursion does not end where the system says ENOENT
    // of every new directory, as /proc does.
    for (const directory of missingDirectories(resolve(path))) makeOne(directory);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code = 'failed', path: where = path } = cause as NodeJS.ErrnoException;
    throw new LockstepError(
      'config/invalid',
      `${option} ${path} cannot be a directory to write to: ${reasonOf(code)} (${code} at ${where})`,
      { details: { path, reason: code, where }, cause },
    );
  }
}

/** From the outermost to `path` itself. */
function missingDirectories(path: string): string[] {
  const missing: string[] = [];
  for (let current = path; !isDirectory(current); current = dirname(current)) missing.unshift(current);
  return missing;
}

/** @throws the system's error; ENOTDIR for anything that is no directory */
function isDirectory(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isDirectory()) throw Object.assign(new Error(`${path} is no directory`), { code: 'ENOTDIR', path });
  return true;
}

function makeOne(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process of the run may have been first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isDirectory(path)) throw error;
  }
}

function reasonOf(code: string): string {
  switch (code) {
    case 'ENOTDIR':
    case 'EEXIST':
      return 'something that is no directory is in its place';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not write there';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOENT':
      return 'the system makes no directories there';
    default:
      return 'the system refused';
  }
}
