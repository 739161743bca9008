import { LockstepError } from '../../../shared/core/index.ts';
import { type NamedArray, readSafetensors } from '../safetensors.ts';
import { corrupt, isCheckpointName, type Manifest, manifestFile, parseManifest, sha256 } from './manifest.ts';
import { type CheckpointStorage, openStorage, placeOf } from './storage.ts';
import type { TrainingCheckpoint } from './write-checkpoint.ts';

export interface FoundCheckpoint extends TrainingCheckpoint {
  /** Where it is, for people. */
  readonly place: string;
  /** Tells it from every other one. */
  readonly sha256: string;
}

/** @param refused told of each checkpoint that is passed over, and why */
type Refused = (error: LockstepError) => void;

/**
 * The newest good checkpoint at `location`, every byte of which was checked. What is torn or altered is refused by name
 * and the one before it is tried. A try that was cut off has no manifest and never was one.
 * @returns null where there is none at all
 * @throws LockstepError checkpoint/corrupt when there are some and none is good, checkpoint/missing when it cannot be read
 */
export async function findCheckpoint(location: string, refused: Refused): Promise<FoundCheckpoint | null> {
  const storage = await openStorage(location);
  try {
    const names = await checkpointNames(storage);
    let last: LockstepError | undefined;
    for (const name of names) {
      try {
        return await readCheckpoint(storage, name);
      } catch (error) {
        if (!(error instanceof LockstepError) || error.code !== 'checkpoint/corrupt') throw error;
        refused(error);
        last = error;
      }
    }
    if (last === undefined) return null;
    throw new LockstepError(
      'checkpoint/corrupt',
      `none of the ${names.length} checkpoints in ${location} is good; the last refused: ${last.message}`,
      { details: { location, names } },
    );
  } finally {
    storage.close();
  }
}

/** The one checkpoint at `place`, such as `DIR/step-000000120`. @throws LockstepError checkpoint/corrupt, checkpoint/missing */
export async function openCheckpoint(place: string): Promise<FoundCheckpoint> {
  const { parent, name } = splitPlace(place);
  const storage = await openStorage(parent);
  try {
    return await readCheckpoint(storage, name);
  } finally {
    storage.close();
  }
}

/** Whether a path names one checkpoint, not a place for them. */
export function isOneCheckpoint(path: string): boolean {
  return isCheckpointName(splitPlace(path).name);
}

function splitPlace(path: string): { parent: string; name: string } {
  const trimmed = path.replace(/\/+$/, '');
  const cut = trimmed.lastIndexOf('/');
  return { parent: cut < 0 ? '.' : trimmed.slice(0, cut) || '/', name: trimmed.slice(cut + 1) };
}

/** Newest first. */
async function checkpointNames(storage: CheckpointStorage): Promise<string[]> {
  const stored = await reading(storage.location, () => storage.list());
  return stored
    .filter(({ name, files }) => isCheckpointName(name) && files.includes(manifestFile))
    .map(({ name }) => name)
    .sort((a, b) => b.length - a.length || (a < b ? 1 : -1));
}

async function readCheckpoint(storage: CheckpointStorage, name: string): Promise<FoundCheckpoint> {
  const place = placeOf(storage, name);
  const path = `${place}/${manifestFile}`;
  const bytes = await reading(path, () => storage.get(name, manifestFile));
  if (bytes === null) {
    throw new LockstepError(
      'checkpoint/missing',
      `${path} does not exist: give a checkpoint, or a place that holds some`,
    );
  }
  const manifest = parseManifest(bytes, path);
  const groups: Record<string, NamedArray[]> = {};
  for (const [group, files] of Object.entries(manifest.groups)) {
    groups[group] = [];
    for (const file of files) groups[group].push(...(await readPart(storage, name, file, manifest)));
  }
  const { step, identity, environment, measured, progress } = manifest;
  return { place, sha256: manifest.manifestSha256, step, identity, environment, measured, progress, groups };
}

async function readPart(
  storage: CheckpointStorage,
  name: string,
  file: string,
  { parts }: Manifest,
): Promise<NamedArray[]> {
  const path = `${placeOf(storage, name)}/${file}`;
  const bytes = await reading(path, () => storage.get(name, file));
  const expected = parts[file];
  if (bytes === null || expected === undefined) throw corrupt(path, 'is missing: the checkpoint is incomplete');
  if (bytes.byteLength !== expected.bytes) {
    throw corrupt(path, `has ${bytes.byteLength} bytes; expected ${expected.bytes}: torn`);
  }
  const found = sha256(bytes);
  if (found !== expected.sha256) throw corrupt(path, `was altered: SHA-256 ${found}; expected ${expected.sha256}`);
  return readSafetensors(bytes).arrays;
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw LockstepError.from(error, 'checkpoint/missing', `${path} cannot be read: `);
  }
}
