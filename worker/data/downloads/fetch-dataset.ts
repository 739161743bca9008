import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError, makeDirectory } from '../../../shared/core/index.ts';
import {
  ChecksumMismatch,
  DownloadRefused,
  describeTransfer,
  download,
  LockTimeout,
  openUrl,
  withLock,
} from '../../../shared/download/index.ts';
import { contentsOf, type RemoteDataset, type RemoteFile } from './catalogue.ts';
import { unpackTar } from './unpack-tar.ts';

export interface FetchOptions {
  /** How far a download is, for people; a few times a second at most. */
  readonly onProgress?: ((text: string) => void) | undefined;
  /** Tries in a row that brought no byte. Default 3. */
  readonly attempts?: number;
}

/**
 * Brings what is not there yet of a data set's files into `directory`. Other processes of this host that want the same
 * wait for the first; an interrupted download goes on where it was; a file appears under its name once its SHA-256 is
 * right.
 * @throws LockstepError data/missing without a network, data/corrupt for another checksum, data/failed
 */
export async function fetchDataset(dataset: RemoteDataset, directory: string, options: FetchOptions): Promise<void> {
  if (isComplete(dataset, directory)) return;
  try {
    makeDirectory(directory, 'the cache directory (LOCKSTEP_CACHE)');
    const onWait = ({ pid }: { pid: number }): void =>
      options.onProgress?.(`process ${pid} is downloading ${dataset.title}; waiting for it`);
    await withLock(join(directory, 'lock'), () => fetchMissing(dataset, directory, options), { onWait });
  } catch (error) {
    throw explain(error, dataset, directory);
  }
}

function isComplete({ unpacked, files }: RemoteDataset, directory: string): boolean {
  const names = unpacked === undefined ? files.map(({ name }) => name) : [unpacked.folder];
  return names.every((name) => existsSync(join(directory, name)));
}

async function fetchMissing(dataset: RemoteDataset, directory: string, options: FetchOptions): Promise<void> {
  if (isComplete(dataset, directory)) return;
  for (const file of dataset.files) {
    if (!existsSync(join(directory, file.name))) await fetchFile(file, directory, options);
  }
  const { unpacked } = dataset;
  if (unpacked === undefined) return;
  for (const { name } of dataset.files) await unpack(join(directory, name), join(directory, unpacked.folder));
}

/** A folder appears once all of it is there; the archive has done its work then. */
async function unpack(archive: string, folder: string): Promise<void> {
  const draft = `${folder}.part`;
  await rm(draft, { recursive: true, force: true });
  await unpackTar(archive, draft);
  await rename(draft, folder);
  await rm(archive);
}

async function fetchFile({ name, url, sha256 }: RemoteFile, directory: string, options: FetchOptions): Promise<void> {
  const { onProgress, attempts = 3 } = options;
  const started = Date.now();
  let startBytes: number | undefined;
  let reported = started;
  await download({
    url,
    file: join(directory, name),
    sha256,
    attempts,
    request: openOnce,
    onRetry: (reason) => onProgress?.(`${name}: ${reason}`),
    onProgress(doneBytes, totalBytes) {
      startBytes ??= doneBytes;
      const now = Date.now();
      if (now - reported < PROGRESS_MS && doneBytes !== totalBytes) return;
      reported = now;
      const seconds = (now - started) / 1000;
      onProgress?.(`${name}: ${describeTransfer({ doneBytes, totalBytes, startBytes, seconds })}`);
    },
  });
}

const PROGRESS_MS = 1000;

/** A host that is not found will not be found by asking again: most often there is no internet. */
async function openOnce(url: string, options: { headers: Record<string, string> }) {
  try {
    return await openUrl(url, options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') throw new DownloadRefused(message, { cause: error });
    throw error;
  }
}

function explain(error: unknown, dataset: RemoteDataset, directory: string): LockstepError {
  const { title, files } = dataset;
  if (error instanceof LockstepError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const details = { directory, urls: files.map(({ url }) => url) };
  if (error instanceof ChecksumMismatch) {
    const text = `${title} was downloaded, but is not what is expected: ${reason}`;
    return new LockstepError('data/corrupt', text, { details, cause: error });
  }
  if (error instanceof LockTimeout) {
    const text = `${title} cannot be downloaded: ${reason}; end that process, or delete the lock`;
    return new LockstepError('data/failed', text, { details, cause: error });
  }
  return new LockstepError(
    'data/missing',
    `${title} was given no directory and cannot be downloaded from ${new URL(files[0]?.url ?? '').host}: ${reason}. ` +
      `Without internet, put ${contentsOf(dataset)} in a directory and give that by --data DIR, LOCKSTEP_DATA or ` +
      '`directory` in the job',
    { details, cause: error },
  );
}
