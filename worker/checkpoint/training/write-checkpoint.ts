import { type NamedArray, writeSafetensors } from '../safetensors.ts';
import {
  type CheckpointFacts,
  checkpointName,
  corrupt,
  encodeManifest,
  isCheckpointName,
  manifestFile,
  parseManifest,
  sha256,
} from './manifest.ts';
import { type KeptCheckpoint, type RetentionRule, surplusCheckpoints } from './retention.ts';
import { type CheckpointStorage, placeOf } from './storage.ts';

/** A run's state after a step. */
export interface TrainingCheckpoint extends CheckpointFacts {
  /** Arrays by what they are: weights, slots, …. */
  readonly groups: Readonly<Record<string, readonly NamedArray[]>>;
}

export interface WrittenCheckpoint {
  readonly name: string;
  readonly step: number;
  /** Of all its files. */
  readonly bytes: number;
}

/** Files of this size are uploaded, hashed and read back in one piece; an array that is larger has one of its own. */
const PART_BYTES = 256 * 2 ** 20;

/**
 * Writes a checkpoint and reads it back. Its manifest comes last and only if every part is there as it should be.
 * What was there under its name goes first: a torn one of an earlier try.
 */
export async function writeCheckpoint(
  storage: CheckpointStorage,
  { groups, ...facts }: TrainingCheckpoint,
  partBytes = PART_BYTES,
): Promise<WrittenCheckpoint> {
  const name = checkpointName(facts.step);
  await storage.remove(name, manifestFile);
  const parts: Record<string, { bytes: number; sha256: string }> = {};
  const files: Record<string, string[]> = {};
  const put = async (file: string, bytes: Uint8Array): Promise<void> => {
    const hash = sha256(bytes);
    await storage.put(name, file, bytes);
    const back = await storage.get(name, file);
    if (back === null || sha256(back) !== hash) {
      throw corrupt(`${placeOf(storage, name)}/${file}`, 'reads back with other bytes than were written');
    }
    parts[file] = { bytes: bytes.byteLength, sha256: hash };
  };
  try {
    for (const [group, arrays] of Object.entries(groups)) {
      const cut = cutInParts(arrays, partBytes);
      files[group] = cut.map((_, index) => `${group}-${index + 1}of${cut.length}.safetensors`);
      for (const [index, part] of cut.entries()) await put(files[group][index] ?? '', writeSafetensors(part, {}));
    }
    const stored = { ...parts };
    const writtenAt = new Date().toISOString();
    const manifest = encodeManifest({ format: 1, writtenAt, ...facts, groups: files, parts: stored });
    await put(manifestFile, manifest);
  } catch (error) {
    await storage.remove(name, manifestFile).catch(() => {});
    throw error;
  }
  const bytes = Object.values(parts).reduce((sum, part) => sum + part.bytes, 0);
  return { name, step: facts.step, bytes };
}

/** Notes what was measured of a checkpoint; nothing where it is not there or not whole. */
export async function amendCheckpoint(
  storage: CheckpointStorage,
  step: number,
  measured: CheckpointFacts['measured'],
): Promise<void> {
  const name = checkpointName(step);
  const bytes = await storage.get(name, manifestFile);
  if (bytes === null) return;
  const { manifestSha256: _, ...manifest } = parseManifest(bytes, placeOf(storage, name));
  await storage.put(name, manifestFile, encodeManifest({ ...manifest, measured }));
}

/** Arrays stay whole and in order. */
function cutInParts(arrays: readonly NamedArray[], partBytes: number): NamedArray[][] {
  const parts: NamedArray[][] = [[]];
  let bytes = 0;
  for (const array of arrays) {
    if (bytes > 0 && bytes + array.values.byteLength > partBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(array);
    bytes += array.values.byteLength;
  }
  return parts;
}

/** Takes away what the rule does not keep, and what tries that were cut off have left. */
export async function retainCheckpoints(storage: CheckpointStorage, rule: RetentionRule): Promise<void> {
  const kept: KeptCheckpoint[] = [];
  for (const { name, files } of await storage.list()) {
    if (!isCheckpointName(name)) continue;
    if (!files.includes(manifestFile)) {
      await storage.remove(name, manifestFile);
      continue;
    }
    const bytes = await storage.get(name, manifestFile);
    try {
      const { step, measured } = parseManifest(bytes ?? new Uint8Array(), placeOf(storage, name));
      kept.push({ name, step, measured });
    } catch {
      // Damaged, and not by this run: whoever resumes is told of it by name.
    }
  }
  for (const name of surplusCheckpoints(kept, rule)) await storage.remove(name, manifestFile);
}
