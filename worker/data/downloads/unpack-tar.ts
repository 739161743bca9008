import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const BLOCK = 512;

/**
 * Unpacks the files of a `.tar.gz` archive into one new folder, without the folders they were in: blocks of 512 bytes,
 * a header (name at 0, size in octal digits at 124, type at 156) before each file's content (POSIX, ustar). Names never
 * lead out of the folder. Nothing of a file is kept in memory.
 * @throws Error where the archive is damaged or cut
 */
export async function unpackTar(archive: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const packed = createReadStream(archive);
  const stream = createGunzip();
  packed.on('error', (error) => stream.destroy(error));
  const blocks = new ByteStream(packed.pipe(stream));
  try {
    for (let header = await blocks.take(BLOCK); header.length === BLOCK; header = await blocks.take(BLOCK)) {
      const size = Number.parseInt(header.toString('latin1', 124, 136), 8) || 0;
      const name = basename(header.toString('utf8', 0, 100).replace(/\0.*$/s, ''));
      const isFile = (header[156] === 0x30 || header[156] === 0) && name !== '' && name !== '..';
      const file = isFile ? await open(join(folder, name), 'wx') : undefined;
      try {
        await blocks.copy(size, file);
      } finally {
        await file?.close();
      }
      await blocks.take((BLOCK - (size % BLOCK)) % BLOCK);
    }
  } catch (error) {
    throw new Error(`${archive}: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    stream.destroy();
    packed.destroy();
  }
}

/** A stream's bytes in the portions that are asked for. */
class ByteStream {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** The next `count` bytes, or fewer at the end of the stream. */
  async take(count: number): Promise<Buffer> {
    while (this.#rest.length < count) {
      const { value, done } = await this.#chunks.next();
      if (done === true) break;
      this.#rest = Buffer.concat([this.#rest, value]);
    }
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  /** Writes the next `count` bytes to `file`, or drops them. */
  async copy(count: number, file: FileHandle | undefined): Promise<void> {
    for (let left = count; left > 0; ) {
      const part = await this.take(Math.min(left, Math.max(this.#rest.length, 1)));
      if (part.length === 0) throw new Error(`it ends ${left} bytes too early`);
      await file?.writeFile(part);
      left -= part.length;
    }
  }
}
