import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { register as registerTypeScript } from 'tsx/esm/api';
import { LockstepError } from '../../shared/core/index.ts';
import { describedDatasets, enterWorker, isJob, type Job, type JobPlace } from '../../shared/job/index.ts';

/** SHA-256 of the job file's bytes. @throws LockstepError job/not-found */
export async function hashJobFile(file: string): Promise<string> {
  const path = resolve(file);
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (cause) {
    throw new LockstepError(
      'job/not-found',
      `no job file at ${path}; give the path of a file that exports defineJob(...)`,
      {
        cause,
      },
    );
  }
}

/** SHA-256 of the module of each data set that is read by a module of the user's, also of those that others adapt to. */
export async function hashReaders(data: Job['data']): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const [split, dataset] of Object.entries(data)) {
    for (const [place, { kind, location }] of describedDatasets(dataset).entries()) {
      if (kind !== 'custom' || location === undefined) continue;
      const source = await readFile(new URL(location)).catch(() => '');
      hashes[`${split} ${place}`] = createHash('sha256').update(source).digest('hex');
    }
  }
  return hashes;
}

/**
 * Imports a file of the user's as it is, TypeScript or JavaScript.
 * @throws LockstepError job/threw with the file's own error as cause
 */
export async function importModule(file: string): Promise<{ readonly default?: unknown }> {
  registerTypeScript();
  // A job outside of this package must get this very copy of the library: a second one would hold a second tfjs.
  register(new URL('./resolve-hook.js', import.meta.url), {
    data: { library: new URL('../../index.js', import.meta.url).href },
  });
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
  } catch (cause) {
    throw LockstepError.from(cause, 'job/threw', `${file} threw: `);
  }
}

/**
 * The job that a file exports, or that a program defines at `place`.
 * @throws LockstepError job/threw; job/invalid when there is no such job
 */
export async function loadJob(file: string, place: JobPlace | null = null): Promise<Job> {
  if (place !== null) return loadFromProgram(file, place);
  enterWorker({ before: null, found: () => {}, failed: () => {} });
  const module = await importModule(file);
  const job = unwrapDefault(module.default);
  if (!isJob(job)) {
    throw new LockstepError('job/invalid', `${file} has no default export made by defineJob(...)`);
  }
  return job;
}

/** Runs the program as far as its job; where it would start a run, it stands still for good. */
function loadFromProgram(file: string, { before, argv }: JobPlace): Promise<Job> {
  process.argv.splice(1, process.argv.length, resolve(file), ...argv);
  return new Promise((found, failed) => {
    enterWorker({ before, found, failed });
    const ended = () =>
      failed(
        new LockstepError(
          'job/invalid',
          `${file} defined fewer than ${before + 1} jobs when a worker ran it: what it defines must not depend on the process`,
        ),
      );
    importModule(file).then(ended, failed);
  });
}

/** A job file in a package without "type": "module" is loaded as CommonJS, whose default export is one level down. */
function unwrapDefault(exported: unknown): unknown {
  const isNested = typeof exported === 'object' && exported !== null && !isJob(exported) && 'default' in exported;
  return isNested ? exported.default : exported;
}
