import { link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LockstepError } from '../../shared/core/index.ts';
import { type DurableWrite, syncDirectory, writeDurably } from './directory.ts';

export interface ReplaceOptions {
  /** Whether what is there may be replaced. */
  readonly force: boolean;
  readonly write?: DurableWrite;
}

/**
 * Writes a file, all or nothing: it appears under its name when it is whole and on the disk.
 * @throws LockstepError checkpoint/write; whatever was there is untouched
 */
export async function writeFileWhole(
  path: string,
  bytes: Uint8Array,
  { force, write = writeDurably }: ReplaceOptions,
): Promise<void> {
  const target = resolve(path);
  const draft = join(dirname(target), `.${basename(target)}.${process.pid}.saving`);
  try {
    await mkdir(dirname(target), { recursive: true });
    await rm(draft, { force: true });
    await write(draft, bytes);
    // A link, unlike a rename, does not replace what came there meanwhile.
    if (force) await rename(draft, target);
    else await link(draft, target);
    await syncDirectory(dirname(target));
  } catch (cause) {
    throw writeFailure(path, cause);
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

/** Before the work that leads to a file or directory. @throws LockstepError checkpoint/write */
export async function refuseExisting(path: string, force: boolean): Promise<void> {
  if (force) return;
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw alreadyThere(path);
}

export function writeFailure(path: string, cause: unknown): LockstepError {
  if (cause instanceof LockstepError) return cause;
  const reason = (cause as NodeJS.ErrnoException).code ?? null;
  if (reason === 'EEXIST') return alreadyThere(path);
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new LockstepError('checkpoint/write', `${path} could not be written: ${problem}`, {
    details: { path, reason },
    cause,
  });
}

function alreadyThere(path: string): LockstepError {
  return new LockstepError(
    'checkpoint/write',
    `${path} is there already: give another path, or --force to replace it`,
    {
      details: { path },
    },
  );
}
