import { DirectoryStorage } from './directory-storage.ts';

/** What a checkpoint's files are called under its own name. */
export interface StoredCheckpoint {
  readonly name: string;
  readonly files: readonly string[];
}

/**
 * Where checkpoints are kept. A file is there whole or not at all, and stays: what `put` has returned from survives a
 * crash. All methods throw what the system says; those who call know what was to be done.
 */
export interface CheckpointStorage {
  /** For people: a directory, or `s3://bucket/prefix`. */
  readonly location: string;
  put(checkpoint: string, file: string, bytes: Uint8Array): Promise<void>;
  /** Null where there is no such file. */
  get(checkpoint: string, file: string): Promise<Uint8Array | null>;
  list(): Promise<StoredCheckpoint[]>;
  /** Takes `first` away before all other files; does nothing where nothing is. */
  remove(checkpoint: string, first: string): Promise<void>;
  close(): void;
}

/** @param location a directory or `s3://bucket/prefix` @throws LockstepError config/invalid */
export async function openStorage(location: string): Promise<CheckpointStorage> {
  if (!location.startsWith('s3://')) return new DirectoryStorage(location);
  // Its library takes half a second to load and is for those who use it.
  const { openBucket } = await import('./s3-storage.ts');
  return openBucket(location);
}

/** `DIR/step-000000120` */
export function placeOf({ location }: Pick<CheckpointStorage, 'location'>, name: string): string {
  return location.endsWith('/') ? `${location}${name}` : `${location}/${name}`;
}
