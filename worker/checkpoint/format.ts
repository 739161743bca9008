import { createHash } from 'node:crypto';
import { LockstepError } from '../../shared/core/index.ts';

/** One weight of a model; `values` are row-major, as long as `shape` says. */
export interface SavedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** False for statistics such as batch normalization's moving averages. */
  readonly trainable: boolean;
  readonly values: Float32Array;
}

/** Facts about a saved model for people and programs: steps, job hash. Anything that JSON holds. */
export type ModelMetadata = Readonly<Record<string, unknown>>;

/** What makes altered or torn files evident. Kept in model.json under `userDefinedMetadata.lockstep`. */
interface Seal {
  readonly format: 1;
  /** SHA-256 over all weights' little-endian float32 bytes in order: the run's own fingerprint of the weights. */
  readonly weightsSha256: string;
  readonly nonTrainable: readonly string[];
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  /** SHA-256 over JSON.stringify of model.json with this field empty. */
  readonly manifestSha256: string;
}

interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightEntry[];
}

/** model.json as tfjs's `io` writes and reads it. */
export interface ModelJson {
  readonly format: 'layers-model';
  readonly generatedBy: string;
  readonly convertedBy: string | null;
  readonly modelTopology: unknown;
  readonly weightsManifest: readonly WeightGroup[];
  readonly userDefinedMetadata?: Readonly<Record<string, unknown>>;
}

export interface Shard {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export const modelFile = 'model.json';

/** Cuts the weights' bytes into files as tfjs does; a weight may go on in the next file. */
export function makeShards(weights: readonly SavedWeight[], shardBytes: number): Shard[] {
  const total = weights.reduce((sum, { values }) => sum + values.byteLength, 0);
  const count = Math.max(1, Math.ceil(total / shardBytes));
  const all = Buffer.concat(weights.map(({ values }) => bytesOf(values)));
  return Array.from({ length: count }, (_, index) => ({
    path: `group1-shard${index + 1}of${count}.bin`,
    bytes: all.subarray(index * shardBytes, (index + 1) * shardBytes),
  }));
}

export function makeModelJson(
  topology: unknown,
  weights: readonly SavedWeight[],
  metadata: ModelMetadata,
  shards: readonly Shard[],
): { readonly text: string; readonly weightsSha256: string } {
  const weightsSha256 = sha256(weights.map(({ values }) => bytesOf(values)));
  const seal: Seal = {
    format: 1,
    weightsSha256,
    nonTrainable: weights.filter(({ trainable }) => !trainable).map(({ name }) => name),
    files: Object.fromEntries(
      shards.map(({ path, bytes }) => [path, { bytes: bytes.byteLength, sha256: sha256([bytes]) }]),
    ),
    manifestSha256: '',
  };
  const json: ModelJson = {
    format: 'layers-model',
    generatedBy: 'Lockstep',
    convertedBy: null,
    modelTopology: typeof topology === 'string' ? JSON.parse(topology) : topology,
    weightsManifest: [
      {
        paths: shards.map(({ path }) => path),
        weights: weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
    userDefinedMetadata: { ...metadata, lockstep: seal },
  };
  // Through JSON once, so that what is hashed here is what a reader gets back.
  const plain = JSON.parse(JSON.stringify(json)) as ModelJson;
  return { text: JSON.stringify(withManifestHash(plain, manifestHash(plain))), weightsSha256 };
}

/** Reads and checks the text of model.json. @throws LockstepError checkpoint/corrupt */
export function parseModelJson(text: string, path: string): { readonly json: ModelJson; readonly seal: Seal | null } {
  let json: ModelJson;
  try {
    json = JSON.parse(text) as ModelJson;
  } catch (cause) {
    throw corrupt(path, `is not valid JSON after ${text.length} characters: torn or altered`, cause);
  }
  if (json?.format !== 'layers-model') {
    throw corrupt(path, `has format ${JSON.stringify(json?.format)}; expected "layers-model"`);
  }
  if (json.modelTopology === undefined || !isManifest(json.weightsManifest)) {
    throw corrupt(path, 'lacks modelTopology or a weightsManifest of the expected form');
  }
  const seal = (json.userDefinedMetadata?.['lockstep'] ?? null) as Seal | null;
  if (seal !== null && manifestHash(json) !== seal.manifestSha256) {
    throw corrupt(path, 'was altered: its content does not match its SHA-256');
  }
  return { json, seal };
}

function isManifest(value: unknown): value is WeightGroup[] {
  return (
    Array.isArray(value) &&
    value.every(
      (group: Partial<WeightGroup> | null) =>
        Array.isArray(group?.paths) &&
        // Only neighbours of model.json: a model may not name files elsewhere.
        group.paths.every((name: unknown) => typeof name === 'string' && /^[\w.-]+$/.test(name) && name !== '..') &&
        Array.isArray(group.weights) &&
        group.weights.every(
          (weight: Partial<WeightEntry> | null) => typeof weight?.name === 'string' && Array.isArray(weight.shape),
        ),
    )
  );
}

/** @throws LockstepError checkpoint/corrupt */
export function checkShard(path: string, name: string, bytes: Uint8Array, seal: Seal | null): void {
  const expected = seal?.files[name];
  if (expected === undefined) return;
  if (bytes.byteLength !== expected.bytes) {
    throw corrupt(path, `has ${bytes.byteLength} bytes; expected ${expected.bytes}`);
  }
  const found = sha256([bytes]);
  if (found !== expected.sha256) throw corrupt(path, `was altered: SHA-256 ${found}; expected ${expected.sha256}`);
}

/** Takes the weights out of the concatenated shards of each group. @throws LockstepError checkpoint/corrupt */
export function takeWeights(
  path: string,
  json: ModelJson,
  groups: readonly Uint8Array[],
  seal: Seal | null,
): SavedWeight[] {
  const nonTrainable = new Set(seal?.nonTrainable ?? []);
  return json.weightsManifest.flatMap((group, index) => {
    const bytes = groups[index] ?? new Uint8Array();
    const length = group.weights.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
    if (bytes.byteLength !== length) {
      throw corrupt(path, `lists ${length} bytes of weights, but ${group.paths.join(', ')} hold ${bytes.byteLength}`);
    }
    let offset = 0;
    return group.weights.map(({ name, shape, dtype }) => {
      if (dtype !== 'float32') throw corrupt(path, `holds weight ${name} as ${dtype}; only float32 is supported`);
      const end = offset + 4 * elements(shape);
      // A copy, because a view needs a 4-byte-aligned start; Buffer's own slice would make none.
      const values = new Float32Array(new Uint8Array(bytes.subarray(offset, end)).buffer);
      offset = end;
      return { name, shape, trainable: !nonTrainable.has(name), values };
    });
  });
}

export function corrupt(path: string, problem: string, cause?: unknown): LockstepError {
  return new LockstepError('checkpoint/corrupt', `${path} ${problem}`, { details: { path }, cause });
}

export function hashWeights(weights: readonly SavedWeight[]): string {
  return sha256(weights.map(({ values }) => bytesOf(values)));
}

function manifestHash(json: ModelJson): string {
  return sha256([Buffer.from(JSON.stringify(withManifestHash(json, '')))]);
}

function withManifestHash(json: ModelJson, manifestSha256: string): ModelJson {
  const metadata = json.userDefinedMetadata ?? {};
  const seal = { ...(metadata['lockstep'] as Seal), manifestSha256 };
  return { ...json, userDefinedMetadata: { ...metadata, lockstep: seal } };
}

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The array's own bytes; every platform that Node supports is little-endian. */
function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
