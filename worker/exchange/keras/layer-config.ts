import { LockstepError } from '../../../shared/core/index.ts';
import type { Config, InnerLayers, LayerJson } from './field.ts';
import { inModule } from './objects.ts';
import { mappingOfKeras, mappingOfTfjs } from './table.ts';
import { Unmappable } from './unmappable.ts';

/** Keys that every layer has. `dtype` is always float32, apart from inputs. */
const common = ['name', 'trainable'];

/** Keras's saved form of a layer that is no model. @throws LockstepError checkpoint/unsupported naming the layer */
export function layerToKeras(layer: LayerJson, inner: InnerLayers): LayerJson {
  return naming(layer, () => {
    const { keras, fields, check, canFreeze } = mappingOfTfjs(layer.class_name);
    check(layer.config);
    const values = fields.map((field) => {
      const value = field.tfjs === null ? undefined : layer.config[field.tfjs];
      return [field.keras, field.toKeras(value, inner)] as const;
    });
    const config = { dtype: 'float32', ...pick(layer.config, canFreeze ? common : ['name']), ...defined(values) };
    return inModule('keras.layers', { class_name: keras, config }) as LayerJson;
  });
}

/** The other way. An option that the table does not know is refused: it might change what the layer computes. */
export function layerToTfjs(layer: LayerJson, inner: InnerLayers): LayerJson {
  return naming(layer, () => {
    const { tfjs, fields, check, implied } = mappingOfKeras(layer.class_name);
    const given = withoutLegacyKeys(layer.config);
    check(given);
    const keys = new Set([...common, 'dtype', 'build_config', ...fields.map(({ keras }) => keras)]);
    const foreign = Object.keys(given).find((key) => !keys.has(key) && given[key] !== null);
    if (foreign !== undefined) throw new Unmappable(`Lockstep does not know its option ${foreign}`);
    checkDtype(given['dtype']);
    const values = fields.flatMap((field) => {
      const value = given[field.keras] === undefined ? undefined : field.toTfjs(given[field.keras], inner);
      return field.tfjs === null ? [] : [[field.tfjs, value] as const];
    });
    return { class_name: tfjs, config: { ...pick(given, common), ...defined(values), ...implied } };
  });
}

/** Keys that older files have under another name, or besides what the topology says. */
function withoutLegacyKeys(config: Config): Config {
  const { batch_input_shape, input_shape: _, implementation: __, time_major: ___, ...others } = config;
  const shape = others['batch_shape'] ?? batch_input_shape;
  return shape === undefined ? others : { ...others, batch_shape: shape };
}

/** Keras 3 saves a policy object or a name. */
function checkDtype(dtype: unknown): void {
  const name = typeof dtype === 'string' ? dtype : (dtype as LayerJson | null | undefined)?.config['name'];
  if (name === undefined || name === 'float32' || name === 'int32' || name === 'int64') return;
  throw new Unmappable(`its dtype is ${String(name)}, and TensorFlow.js has float32 alone`);
}

/** Says which layer could not be converted. */
function naming<T>(layer: LayerJson, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (!(error instanceof Unmappable)) throw error;
    const name = String(layer.config['name'] ?? layer.class_name);
    throw new LockstepError('checkpoint/unsupported', `layer ${name} (${layer.class_name}): ${error.message}`, {
      details: { layer: name, className: layer.class_name },
    });
  }
}

function pick(config: Config, keys: readonly string[]): Config {
  return Object.fromEntries(keys.filter((key) => config[key] !== undefined).map((key) => [key, config[key]]));
}

function defined(entries: readonly (readonly [string, unknown])[]): Config {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
