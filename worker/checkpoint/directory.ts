import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LockstepError } from '../../shared/core/index.ts';
import { modelFile } from './format.ts';

/** Writes `bytes` to a new file and returns once they are on the disk. */
export type DurableWrite = (path: string, bytes: Uint8Array) => Promise<void>;

export const writeDurably: DurableWrite = async (path, bytes) => {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
};

/**
 * Puts `files` in place of whatever model `directory` holds, all or nothing. They are written into a sibling and
 * renamed. Because a rename cannot replace a directory that has files, the previous model steps aside under another
 * name for that moment; `recover` brings it back if the process dies right then.
 * @throws LockstepError checkpoint/write; the previous model is untouched
 */
export async function replaceDirectory(
  directory: string,
  files: readonly { readonly path: string; readonly bytes: Uint8Array }[],
  { write = writeDurably, isOwn = isModelFile }: { write?: DurableWrite; isOwn?: (name: string) => boolean } = {},
): Promise<void> {
  const { target, saving, previous } = namesFor(directory);
  try {
    await mkdir(dirname(target), { recursive: true });
    await recover(directory);
    await refuseForeignFiles(target, isOwn);
    await rm(saving, { recursive: true, force: true });
    await mkdir(saving);
    for (const { path, bytes } of files) await write(join(saving, path), bytes);
    await syncDirectory(saving);
    const replaces = await renameIfThere(target, previous);
    try {
      await rename(saving, target);
    } catch (cause) {
      if (replaces) await rename(previous, target);
      throw cause;
    }
    await syncDirectory(dirname(target));
    await rm(previous, { recursive: true, force: true });
  } catch (cause) {
    await rm(saving, { recursive: true, force: true }).catch(() => {});
    if (cause instanceof LockstepError) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('checkpoint/write', `the model could not be saved in ${directory}: ${problem}`, {
      details: { directory, reason: (cause as NodeJS.ErrnoException).code ?? null },
      cause,
    });
  }
}

/** Brings back the previous model of a save that was cut off between its two renames. */
export async function recover(directory: string): Promise<void> {
  const { target, previous } = namesFor(directory);
  if ((await list(previous)) === null) return;
  if ((await list(target)) === null) await rename(previous, target);
  else await rm(previous, { recursive: true, force: true });
}

function namesFor(directory: string) {
  const target = resolve(directory);
  const hidden = join(dirname(target), `.${basename(target)}`);
  return { target, saving: `${hidden}.saving`, previous: `${hidden}.previous` };
}

function isModelFile(name: string): boolean {
  return name === modelFile || /^group\d+-shard\d+of\d+(\.bin)?$/.test(name);
}

/** A directory that is replaced loses all its files: only one that holds a model and nothing else may be. */
async function refuseForeignFiles(target: string, isOwn: (name: string) => boolean): Promise<void> {
  const foreign = (await list(target))?.find((name) => !isOwn(name));
  if (foreign === undefined) return;
  throw new LockstepError(
    'checkpoint/write',
    `${target} holds other files than a model (${foreign}): save to another directory`,
    {
      details: { directory: target, file: foreign },
    },
  );
}

async function list(directory: string): Promise<string[] | null> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
