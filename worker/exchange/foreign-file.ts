import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { LockstepError } from '../../shared/core/index.ts';
import { readSafetensors } from '../checkpoint/index.ts';
import type { LayerNode } from '../engine/index.ts';
import { type Hdf5Content, readHdf5 } from './hdf5.ts';
import type { LayerJson } from './keras/field.ts';
import { fitKeras2, fitKeras3, fitNamed } from './keras/fit-weights.ts';
import { modelToTfjs } from './keras/topology.ts';
import type { NamedArray } from './named-array.ts';
import { readZip } from './zip.ts';

/** A model, or the weights of one, in a file of another program. */
export interface ForeignFile {
  /** What Lockstep noted of the run, if it wrote the file. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** As tfjs-layers saves it. @throws LockstepError checkpoint/unsupported; also where the file has weights alone */
  topology(): LayerJson;
  /** The weights as a model wants them. @throws LockstepError checkpoint/mismatch */
  weightsFor(model: LayerNode): NamedArray[];
}

/**
 * Opens a `.keras`, `.h5` (`.weights.h5`) or `.safetensors` file.
 * @throws LockstepError checkpoint/missing, checkpoint/corrupt, checkpoint/unsupported for other names
 */
export async function openForeignFile(path: string): Promise<ForeignFile> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new LockstepError('checkpoint/missing', `${path} cannot be read: ${cause.message}`, { cause });
  });
  const guard = async <T>(read: () => T | Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (cause) {
      if (cause instanceof LockstepError) throw cause;
      throw new LockstepError('checkpoint/corrupt', `${path}: ${(cause as Error).message}`, {
        details: { path },
        cause,
      });
    }
  };
  switch (extname(path)) {
    case '.keras':
      return guard(() => openArchive(path, bytes));
    case '.h5':
    case '.hdf5':
      return guard(async () => openHdf5(path, await readHdf5(bytes)));
    case '.safetensors':
      return guard(() => {
        const { arrays, metadata } = readSafetensors(bytes);
        return {
          metadata: JSON.parse(metadata['lockstep'] ?? '{}') as ForeignFile['metadata'],
          topology: () => onlyWeights(path),
          weightsFor: (model) => named(path, () => fitNamed(arrays, model)),
        };
      });
    default:
      throw new LockstepError(
        'checkpoint/unsupported',
        `${path}: Lockstep loads .keras, .h5 and .safetensors files and directories with model.json`,
      );
  }
}

async function openArchive(path: string, bytes: Uint8Array): Promise<ForeignFile> {
  const entries = readZip(bytes);
  const [config, weights] = [entries['config.json'], entries['model.weights.h5']];
  if (config === undefined || weights === undefined) {
    throw new Error('it lacks config.json or model.weights.h5: not a .keras file of Keras 3');
  }
  const model = JSON.parse(Buffer.from(config).toString()) as LayerJson;
  const content = await readHdf5(weights);
  const { lockstep } = JSON.parse(Buffer.from(entries['metadata.json'] ?? '{}').toString()) as { lockstep?: object };
  return {
    metadata: { ...lockstep },
    topology: () => named(path, () => modelToTfjs(model)),
    weightsFor: (layers) => named(path, () => fitKeras3(content, layers)),
  };
}

function openHdf5(path: string, content: Hdf5Content): ForeignFile {
  const config = content.attributes.get('')?.['model_config'];
  const isOlder = ['', 'model_weights'].some((group) => {
    const attributes = content.attributes.get(group) ?? {};
    return attributes['layer_names'] !== undefined || attributes['layer_names0'] !== undefined;
  });
  return {
    metadata: {},
    topology: () =>
      typeof config === 'string' ? named(path, () => modelToTfjs(JSON.parse(config) as LayerJson)) : onlyWeights(path),
    weightsFor: (layers) => named(path, () => (isOlder ? fitKeras2(content, layers) : fitKeras3(content, layers))),
  };
}

function onlyWeights(path: string): never {
  throw new LockstepError('checkpoint/unsupported', `${path} holds weights alone: load them into a job’s model`);
}

/** Puts the file's name before what is wrong with it. */
function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    throw new LockstepError(error.code, `${path}: ${error.message}`, { details: { ...error.details, path } });
  }
}
