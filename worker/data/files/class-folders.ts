import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '../../../shared/core/index.ts';
import type { FolderOptions } from '../../../shared/job/index.ts';
import { type FileNeeds, findDirectory, isDirectory } from './data-files.ts';

/** A sample of a folder for each class: a file, or a folder of its own. */
export interface ClassEntry {
  readonly path: string;
  readonly label: number;
}

export interface ClassFolders {
  readonly directory: string;
  readonly classes: readonly string[];
  /** Class by class, in each in alphabetical order. */
  readonly entries: readonly ClassEntry[];
}

/**
 * Lists the samples in a folder for each class. Hidden files are left out. The order is that of UTF-16 codes, the same
 * on every machine.
 * @param isSample whether a name in a class's folder is a sample
 * @throws LockstepError data/missing, data/empty
 */
export function listClassFolders(
  options: FolderOptions,
  location: string | undefined,
  fallback: string | undefined,
  what: { readonly name: string; readonly sample: string; isSample(path: string, isFolder: boolean): boolean },
): ClassFolders {
  const { folder, classes: given } = options;
  const contents = `${folder === null ? '' : `${folder}/, with `}a folder for each class, with ${what.sample} in it`;
  const needs: FileNeeds = { name: what.name, contents };
  const base = findDirectory(location, fallback, needs);
  const directory = folder === null ? base : join(base, folder);
  if (!isDirectory(directory)) {
    throw new LockstepError('data/missing', `${directory} is no directory; ${what.name} must hold ${contents}`, {
      details: { directory },
    });
  }
  const classes = given ?? foldersIn(directory);
  const entries = classes.flatMap((name, label) => {
    const home = join(directory, name);
    if (!isDirectory(home)) {
      throw new LockstepError('data/missing', `${directory} has no folder ${name}, which is one of the job's classes`, {
        details: { directory, class: name },
      });
    }
    return visible(home)
      .filter((entry) => what.isSample(entry.name, entry.isDirectory()))
      .map((entry) => ({ path: join(home, entry.name), label }));
  });
  if (entries.length > 0) return { directory, classes, entries };
  throw new LockstepError('data/empty', `${directory} holds no ${what.sample}; expected ${contents}`, {
    details: { directory },
  });
}

function foldersIn(directory: string): string[] {
  return visible(directory)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function visible(directory: string) {
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
