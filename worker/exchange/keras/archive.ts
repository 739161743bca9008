import type { LayerNode } from '../../engine/index.ts';
import { writeHdf5 } from '../hdf5.ts';
import type { NamedArray } from '../named-array.ts';
import { writeZip } from '../zip.ts';
import type { LayerJson } from './field.ts';
import { modelToKeras } from './topology.ts';
import { weightGroups } from './weight-paths.ts';

/** The Keras whose form is written; later ones read it. */
const KERAS_VERSION = '3.15.1';

/**
 * The bytes of a `.keras` file, for Python Keras 3, which ignores what `metadata` says.
 * @throws LockstepError checkpoint/unsupported naming what Keras has no equal for
 */
export async function writeKerasArchive(
  topology: LayerJson,
  model: LayerNode,
  weights: readonly NamedArray[],
  metadata: Readonly<Record<string, unknown>>,
): Promise<Uint8Array> {
  const config = modelToKeras(topology, model);
  const values = new Map(weights.map((weight) => [weight.name, weight]));
  const groups = weightGroups(model);
  const arrays = groups.flatMap(({ path, weights: own }) =>
    own.map(({ name }, index) => ({ ...(values.get(name) as NamedArray), path: `${path}/${index}` })),
  );
  const named = groups.map(({ path, layer }) => ({ path, attributes: { name: layer } }));
  const text = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  return writeZip({
    'metadata.json': text({ keras_version: KERAS_VERSION, generated_by: 'Lockstep', lockstep: metadata }),
    'config.json': text(config),
    'model.weights.h5': await writeHdf5(named, arrays),
  });
}
