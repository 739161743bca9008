import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invariant, LockstepError } from '../../shared/core/index.ts';
import { type DurableWrite, recover, replaceDirectory } from './directory.ts';
import {
  checkShard,
  corrupt,
  hashWeights,
  type ModelMetadata,
  makeModelJson,
  makeShards,
  modelFile,
  parseModelJson,
  type SavedWeight,
  takeWeights,
} from './format.ts';

export interface ModelToSave {
  /** What `model.toJSON` of tfjs gives, as object or text. */
  readonly topology: unknown;
  readonly weights: readonly SavedWeight[];
  readonly metadata: ModelMetadata;
}

export interface LoadedModel {
  readonly topology: unknown;
  readonly weights: SavedWeight[];
  readonly metadata: ModelMetadata;
  /** SHA-256 over all weights' float32 bytes in order. */
  readonly weightsSha256: string;
}

export interface SaveOptions {
  /** Largest weight file. */
  readonly shardBytes?: number;
  readonly write?: DurableWrite;
}

/** Below Node's and most file systems' limits for one file, and few enough files for large models. */
const defaultShardBytes = 64 * 2 ** 20;

/**
 * Saves a model in tfjs's format, all or nothing: `directory` holds the previous model or the new one, never a mixture.
 * @throws LockstepError checkpoint/write
 */
export async function saveModel(
  directory: string,
  model: ModelToSave,
  options: SaveOptions = {},
): Promise<{ readonly weightsSha256: string }> {
  for (const { name, shape, values } of model.weights) {
    const size = shape.reduce((product, length) => product * length, 1);
    invariant(values.length === size, `weight ${name} [${shape.join(', ')}] has ${values.length} values`);
  }
  const shards = makeShards(model.weights, options.shardBytes ?? defaultShardBytes);
  const { text, weightsSha256 } = makeModelJson(model.topology, model.weights, model.metadata, shards);
  const files = [...shards, { path: modelFile, bytes: Buffer.from(text) }];
  await replaceDirectory(directory, files, options.write === undefined ? {} : { write: options.write });
  return { weightsSha256 };
}

/**
 * Loads a saved model and checks every byte of it against its hashes. Models that plain tfjs saved have none: of those
 * only the sizes are checked.
 * @throws LockstepError checkpoint/missing, checkpoint/corrupt naming the file
 */
export async function loadModel(directory: string): Promise<LoadedModel> {
  await recover(directory).catch(() => {});
  const path = join(directory, modelFile);
  const { json, seal } = parseModelJson((await read(path, 'checkpoint/missing')).toString('utf8'), path);
  const groups: Uint8Array[] = [];
  for (const { paths } of json.weightsManifest) {
    const shards: Uint8Array[] = [];
    for (const name of paths) {
      const shard = join(directory, name);
      const bytes = await read(shard, 'checkpoint/corrupt');
      checkShard(shard, name, bytes, seal);
      shards.push(bytes);
    }
    groups.push(Buffer.concat(shards));
  }
  const weights = takeWeights(path, json, groups, seal);
  const weightsSha256 = hashWeights(weights);
  if (seal !== null && weightsSha256 !== seal.weightsSha256) {
    throw corrupt(path, `lists weights with SHA-256 ${weightsSha256}; expected ${seal.weightsSha256}`);
  }
  const { lockstep: _, ...metadata } = json.userDefinedMetadata ?? {};
  return { topology: json.modelTopology, weights, metadata, weightsSha256 };
}

async function read(path: string, whenAbsent: 'checkpoint/missing' | 'checkpoint/corrupt'): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const isAbsent = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '');
    if (!isAbsent) throw corrupt(path, `cannot be read (${(cause as Error).message})`, cause);
    const hint =
      whenAbsent === 'checkpoint/missing' ? 'give the directory of a saved model' : 'the saved model is incomplete';
    throw new LockstepError(whenAbsent, `${path} does not exist: ${hint}`, { details: { path }, cause });
  }
}
