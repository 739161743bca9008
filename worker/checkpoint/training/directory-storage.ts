import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type DurableWrite, syncDirectory, writeDurably } from '../directory.ts';
import type { CheckpointStorage, StoredCheckpoint } from './storage.ts';

/** Checkpoints as folders of a directory. A file is written under a hidden name, synced, and renamed. */
export class DirectoryStorage implements CheckpointStorage {
  readonly location: string;
  readonly #root: string;
  readonly #write: DurableWrite;

  constructor(location: string, { write = writeDurably }: { readonly write?: DurableWrite } = {}) {
    this.location = location;
    this.#root = resolve(location);
    this.#write = write;
  }

  async put(checkpoint: string, file: string, bytes: Uint8Array): Promise<void> {
    const folder = join(this.#root, checkpoint);
    const isNew = (await mkdir(folder, { recursive: true })) !== undefined;
    const draft = join(folder, `.${file}.draft`);
    try {
      await rm(draft, { force: true });
      await this.#write(draft, bytes);
      await rename(draft, join(folder, file));
    } catch (error) {
      // A full disk wants its bytes back.
      await rm(draft, { force: true }).catch(() => {});
      throw error;
    }
    await syncDirectory(folder);
    if (isNew) for (const parent of [this.#root, dirname(this.#root)]) await syncDirectory(parent);
  }

  async get(checkpoint: string, file: string): Promise<Uint8Array | null> {
    try {
      return await readFile(join(this.#root, checkpoint, file));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  async list(): Promise<StoredCheckpoint[]> {
    const found: StoredCheckpoint[] = [];
    for (const entry of await entriesOf(this.#root)) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      const files = (await entriesOf(join(this.#root, entry.name))).filter((file) => file.isFile());
      found.push({ name: entry.name, files: files.map(({ name }) => name).filter((name) => !name.startsWith('.')) });
    }
    return found;
  }

  async remove(checkpoint: string, first: string): Promise<void> {
    const folder = join(this.#root, checkpoint);
    if ((await entriesOf(folder)).length > 0) {
      await rm(join(folder, first), { force: true });
      await syncDirectory(folder);
    }
    await rm(folder, { recursive: true, force: true });
  }

  close(): void {}
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}
