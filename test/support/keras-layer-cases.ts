import { readFileSync } from 'node:fs';
import { layers, tf } from '../../worker/engine/index.ts';

interface Values {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

interface LayerSpec {
  readonly layer: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What Keras saves; null for layers that Keras itself lacks. */
  readonly config: Readonly<Record<string, unknown>> | null;
}

/** Layers one after the other, and what Keras makes of them (test/parity/keras_layers.py). */
export interface LayerCase {
  readonly name: string;
  readonly layers: readonly LayerSpec[];
  readonly training: boolean;
  readonly vocabulary: number | null;
  readonly inputs: readonly Values[];
  /** `after` a call in training. */
  readonly weights: readonly (Values & { readonly after: readonly number[] | null })[];
  readonly output: Values;
  readonly cotangent: readonly number[];
  /** Of the sum of output · cotangent. */
  readonly inputGradients: readonly (readonly number[])[];
  readonly weightGradients: readonly (readonly number[])[];
}

interface Goldens {
  readonly cases: readonly LayerCase[];
  readonly activations: {
    readonly shape: readonly number[];
    readonly x: readonly number[];
    readonly cotangent: readonly number[];
    readonly cases: readonly {
      readonly activation: string;
      readonly output: readonly number[];
      readonly gradient: readonly number[];
    }[];
  };
}

const file = new URL('../../../test/parity/goldens/layers.json', import.meta.url);
export const layerGoldens = JSON.parse(readFileSync(file, 'utf8')) as Goldens;

/** The layer by Lockstep's factory; a wrapper's options hold another one. */
export function buildLayer({ layer, options }: Pick<LayerSpec, 'layer' | 'options'>): tf.layers.Layer {
  const make = layers[layer as keyof typeof layers] as (options: object) => tf.layers.Layer;
  const inner = options['layer'] as LayerSpec | undefined;
  return make(inner === undefined ? options : { ...options, layer: buildLayer(inner) });
}

/** The chain's result. */
export function applyChain(
  { layers: specs, name }: LayerCase,
  inputs: readonly tf.SymbolicTensor[],
): tf.SymbolicTensor {
  let value: tf.SymbolicTensor | tf.SymbolicTensor[] = inputs.length === 1 ? (inputs[0] as never) : [...inputs];
  for (const spec of specs) value = buildLayer(spec).apply(value) as tf.SymbolicTensor;
  if (Array.isArray(value)) throw new Error(`${name} has several outputs`);
  return value;
}

export function buildChain(subject: LayerCase): tf.LayersModel {
  const inputs = subject.inputs.map(({ shape }) => tf.input({ shape: shape.slice(1) }));
  return tf.model({ inputs, outputs: applyChain(subject, inputs) });
}
