import { basename } from 'node:path';
import yauzl from 'yauzl';
import { LockstepError } from '../../../shared/core/index.ts';
import type { DataBytes, DataFile, FileNeeds } from './data-files.ts';
import { DataFile as OpenFile } from './data-files.ts';
import { unpackStream } from './unpacked-file.ts';

const STORED = 0;

/**
 * Opens entries of a ZIP archive: stored ones are read in place, compressed ones unpacked. The order is that of `names`.
 * @throws LockstepError data/missing when the archive has no such file, data/corrupt
 */
export async function openZipEntries(
  path: string,
  names: readonly string[],
  needs: FileNeeds,
): Promise<readonly DataBytes[]> {
  // First, because it says best what is wrong with a path.
  new OpenFile(path, needs).close();
  const zip = await yauzl.openPromise(path, { autoClose: false }).catch((cause: Error) => {
    throw new LockstepError('data/corrupt', `${path} is no whole ZIP archive: ${cause.message}; fetch it anew`, {
      details: { file: path },
      cause,
    });
  });
  const opened: DataBytes[] = [];
  try {
    const entries = new Map<string, yauzl.Entry>();
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
    for (const name of names) opened.push(await openEntry(zip, path, name, entries, needs));
    return opened;
  } catch (error) {
    for (const bytes of opened) bytes.close();
    if (error instanceof LockstepError) throw error;
    throw new LockstepError('data/corrupt', `${path}: ${(error as Error).message}; fetch it anew`, {
      details: { file: path },
      cause: error,
    });
  } finally {
    zip.close();
  }
}

async function openEntry(
  zip: yauzl.ZipFile,
  path: string,
  name: string,
  entries: ReadonlyMap<string, yauzl.Entry>,
  needs: FileNeeds,
): Promise<DataBytes> {
  const entry = entries.get(name);
  if (entry === undefined) {
    const known = [...entries.keys()].join(', ') || 'nothing';
    throw new LockstepError('data/missing', `${path} holds no ${name}; it holds ${known}`, {
      details: { file: path, name },
    });
  }
  const label = `${path}: ${basename(name)}`;
  if (entry.compressionMethod !== STORED) return unpackStream(await zip.openReadStreamPromise(entry), label, needs);
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  return filePart(new OpenFile(path, needs, label), fileDataStart, entry.uncompressedSize);
}

function filePart(file: DataFile, start: number, size: number): DataBytes {
  return {
    path: file.path,
    size,
    read(target, position) {
      if (position + target.length > size) file.fail(position, `it ends, expected ${target.length} bytes here`);
      file.read(target, start + position);
    },
    fail: (byte, problem) => file.fail(byte, problem),
    close: () => file.close(),
  };
}
