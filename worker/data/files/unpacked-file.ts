import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { LockstepError } from '../../../shared/core/index.ts';
import { DataFile, type FileNeeds } from './data-files.ts';

/**
 * What a stream delivers, as a file that can be read at any place; compressed data has no other way to the middle.
 * The file has no name any more when this returns, so that it goes away with the process, however that ends.
 * @throws LockstepError data/corrupt
 */
export async function unpackStream(stream: Readable, label: string, needs: FileNeeds): Promise<DataFile> {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-unpacked-'));
  try {
    const file = join(directory, 'content');
    await pipeline(stream, createWriteStream(file, { mode: 0o600 }));
    return new DataFile(file, needs, label);
  } catch (cause) {
    if (cause instanceof LockstepError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOSPC' || code === 'EACCES') {
      throw new LockstepError('data/failed', `${label} cannot be unpacked in ${tmpdir()}: ${code}; free space there`, {
        cause,
      });
    }
    throw new LockstepError('data/corrupt', `${label} cannot be unpacked: ${(cause as Error).message}`, {
      details: { file: label },
      cause,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The file itself, or what is in it if gzip packed it. @throws LockstepError data/missing, data/corrupt */
export async function openUnpacked(path: string, needs: FileNeeds): Promise<DataFile> {
  const file = new DataFile(path, needs);
  const magic = new Uint8Array(Math.min(2, file.size));
  try {
    file.read(magic, 0);
  } catch (error) {
    file.close();
    throw error;
  }
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return file;
  file.close();
  const unpacked = createGunzip();
  const packed = createReadStream(path);
  packed.on('error', (error) => unpacked.destroy(error));
  return unpackStream(packed.pipe(unpacked), path, needs);
}
