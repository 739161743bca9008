import { Unmappable } from './unmappable.ts';

/** A configuration as JSON holds it; tfjs-layers saves Python's snake_case keys too. */
export type Config = Readonly<Record<string, unknown>>;

/** A layer as both libraries save it. */
export interface LayerJson {
  readonly class_name: string;
  readonly config: Config;
}

/** Converts the layers that another layer holds in its configuration. */
export interface InnerLayers {
  toKeras(layer: LayerJson): unknown;
  toTfjs(layer: LayerJson): unknown;
}

/** One entry of a layer's configuration, in both directions. Conversions throw Unmappable. */
export interface Field {
  readonly keras: string;
  /** Null for what Keras alone has. */
  readonly tfjs: string | null;
  toKeras(value: unknown, inner: InnerLayers): unknown;
  toTfjs(value: unknown, inner: InnerLayers): unknown;
}

/** The same key and value in both; `absent` is what tfjs means when the key is not there. */
export function same(key: string, absent: unknown = null): Field {
  return renamed(key, key, absent);
}

export function renamed(keras: string, tfjs: string, absent: unknown = null): Field {
  return { keras, tfjs, toKeras: (value) => value ?? absent, toTfjs: (value) => value ?? absent };
}

/** Keras's own option, of which tfjs knows one value. */
export function only(keras: string, value: unknown): Field {
  return {
    keras,
    tfjs: null,
    toKeras: () => value,
    toTfjs: (given) => {
      if (given === null || JSON.stringify(given) === JSON.stringify(value)) return undefined;
      throw new Unmappable(`${keras} ${JSON.stringify(given)}, where TensorFlow.js has ${JSON.stringify(value)} alone`);
    },
  };
}

/** Keras's own option that changes no prediction: it gets `value`, and whatever it has is left out. */
export function leftOut(keras: string, value: unknown): Field {
  return { keras, tfjs: null, toKeras: () => value, toTfjs: () => undefined };
}

/** A value that both have and whose other values they compute differently. */
export function agreed(key: string, values: readonly unknown[], absent: unknown): Field {
  const check = (value: unknown): unknown => {
    const given = value ?? absent;
    if (values.includes(given)) return given;
    throw new Unmappable(`${key} ${JSON.stringify(given)} is computed differently by Keras and TensorFlow.js`);
  };
  return { keras: key, tfjs: key, toKeras: check, toTfjs: check };
}

/** A layer inside this one. */
export function innerLayer(key: string, rename: (layer: LayerJson) => LayerJson = (layer) => layer): Field {
  return {
    keras: key,
    tfjs: key,
    toKeras: (value, inner) => inner.toKeras(value as LayerJson),
    toTfjs: (value, inner) => rename(inner.toTfjs(value as LayerJson) as LayerJson),
  };
}
