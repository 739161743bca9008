import { LockstepError } from '../../../shared/core/index.ts';
import type { Config, InnerLayers, LayerJson } from './field.ts';
import { layerToKeras, layerToTfjs } from './layer-config.ts';
import { attentionToTfjs, nodeToKeras, nodeToTfjs, type Reference } from './nodes.ts';
import { inModule } from './objects.ts';
import { mappingOfTfjs } from './table.ts';

/** What a saved topology does not say: the shapes of what flows between layers. */
export interface ModelShapes {
  /** Of the model's inputs, the batch's size first. */
  readonly inputs: readonly TensorShape[];
  /** The models among its layers, by name. */
  readonly models: Readonly<Record<string, ModelShapes>>;
  /** Of a layer's output in its n-th call. */
  outputShape(layer: string, node: number, tensor: number): TensorShape | undefined;
}

export interface TensorShape {
  readonly shape: readonly (number | null)[];
  readonly dtype: string;
}

/** A layer of a model as both libraries list it: with its calls, unless the model is sequential. */
export interface ListedLayer extends LayerJson {
  readonly name?: string;
  readonly inbound_nodes?: readonly unknown[];
}

interface FunctionalConfig extends Config {
  readonly name: string;
  readonly layers: readonly ListedLayer[];
  readonly input_layers: readonly Reference[];
  readonly output_layers: readonly Reference[];
}

/** Keras 3's config.json for a topology of tfjs-layers. @throws LockstepError checkpoint/unsupported */
export function modelToKeras(topology: LayerJson, shapes: ModelShapes): LayerJson {
  const inner: InnerLayers = {
    toKeras: (layer) => (isModel(layer) ? modelToKeras(layer, shapesBelow(shapes, layer)) : layerToKeras(layer, inner)),
    toTfjs: notHere,
  };
  checkMasks(topology);
  const { config, class_name } = topology;
  if (class_name === 'Sequential') {
    const layers = layersOf(topology).filter((layer) => layer.class_name !== 'InputLayer');
    const attention = layers.find((layer) => layer.class_name === 'MultiHeadAttention');
    if (attention !== undefined) {
      throw unsupported(
        `layer ${String(attention.config['name'])} (MultiHeadAttention): Keras’s takes query and value, which a sequential ` +
          'model does not give; build the model by models.model',
      );
    }
    const [input] = shapes.inputs;
    const first = {
      class_name: 'InputLayer',
      config: { ...inputConfig(input), name: `${String(config['name'])}_input` },
    };
    const all = [layerToKeras(first, inner), ...layers.map(inner.toKeras)];
    return keras('keras', 'Sequential', { name: config['name'], trainable: true, layers: all });
  }
  const { name, layers, input_layers, output_layers } = config as FunctionalConfig;
  const renumber = renumbering(layers, -1);
  const listed = layers.map((layer) => ({
    ...(inner.toKeras(layer) as LayerJson),
    name: layer.name,
    inbound_nodes: (layer.inbound_nodes ?? []).map((node) =>
      nodeToKeras(node, mappingOfTfjs(layer.class_name).call, layer, renumber.node, shapes),
    ),
  }));
  return keras('keras.src.models.functional', 'Functional', {
    name,
    trainable: true,
    layers: listed,
    input_layers,
    output_layers: output_layers.map(renumber.output),
  });
}

/** A topology of tfjs-layers for Keras's configuration of a model. @throws LockstepError checkpoint/unsupported */
export function modelToTfjs(model: LayerJson): LayerJson {
  const inner: InnerLayers = {
    toKeras: notHere,
    toTfjs: (layer) => (isModel(layer) ? modelToTfjs(layer) : layerToTfjs(layer, inner)),
  };
  if (!isModel(model)) {
    throw unsupported(`the model is a ${model.class_name}: only Sequential and Functional models can be loaded`);
  }
  const { config } = model;
  if (model.class_name === 'Sequential') return sequentialToTfjs(config, inner);
  const { name, layers, input_layers, output_layers } = config as FunctionalConfig;
  // Keras 2 numbers calls as tfjs does.
  const isOlder = layers.every(({ inbound_nodes }) => (inbound_nodes ?? []).every(Array.isArray));
  const renumber = renumbering(layers, isOlder ? 0 : 1);
  const listed = layers.map((layer) => {
    const converted = inner.toTfjs(layer) as LayerJson;
    const name = layer.name ?? converted.config['name'];
    if (converted.class_name === 'MultiHeadAttention') {
      const { useCausalMask, nodes } = attentionToTfjs(layer.inbound_nodes ?? [], String(name), renumber.node);
      const config = { ...converted.config, use_causal_mask: useCausalMask };
      return { ...converted, config, name, inbound_nodes: nodes };
    }
    return {
      ...converted,
      name,
      inbound_nodes: (layer.inbound_nodes ?? []).map((node) => nodeToTfjs(node, String(layer.name), renumber.node)),
    };
  });
  return {
    class_name: 'Model',
    config: {
      name,
      layers: listed,
      input_layers: references(input_layers),
      output_layers: references(output_layers).map(renumber.output),
    },
  };
}

/**
 * A model that is a layer has its first call in tfjs's node 1, as node 0 is the model itself. Keras 3 counts calls from
 * 0, but where a Functional model's call is an output of the model around it, from 1 too.
 */
function renumbering(layers: readonly ListedLayer[], by: number) {
  const nested = new Map(layers.filter(isModel).map((layer) => [nameOf(layer), layer.class_name]));
  const shift = ([layer, node, tensor]: Reference, isShifted: boolean): Reference => [
    layer,
    isShifted ? node + by : node,
    tensor,
  ];
  return {
    node: (reference: Reference) => shift(reference, nested.has(reference[0])),
    output: (reference: Reference) => shift(reference, nested.get(reference[0]) === 'Sequential'),
  };
}

function nameOf(layer: ListedLayer): string {
  return layer.name ?? String(layer.config['name']);
}

/** A single input or output may stand without a list around it. */
function references(given: unknown): Reference[] {
  return typeof (given as unknown[])[0] === 'string' ? [given as Reference] : (given as Reference[]);
}

function sequentialToTfjs(config: Config, inner: InnerLayers): LayerJson {
  const all = (config['layers'] as readonly LayerJson[]).map((layer) => inner.toTfjs(layer) as LayerJson);
  const input = all.find(({ class_name }) => class_name === 'InputLayer')?.config['batch_input_shape'];
  const shape = input ?? config['build_input_shape'];
  const [first, ...others] = all.filter(({ class_name }) => class_name !== 'InputLayer');
  if (first === undefined) throw unsupported(`model ${String(config['name'])} has no layers`);
  const known = shape ?? first.config['batch_input_shape'];
  if (known === undefined && !isModel(first)) {
    throw unsupported(`model ${String(config['name'])} does not say the shape of its input: build it before saving it`);
  }
  const start = isModel(first) ? first : { ...first, config: { ...first.config, batch_input_shape: known } };
  return { class_name: 'Sequential', config: { name: config['name'], layers: [start, ...others] } };
}

/** Layers that make a mask, before one whose masked outputs the libraries fill differently. */
function checkMasks(model: LayerJson): void {
  const text = JSON.stringify(model);
  if (!text.includes('"class_name":"Masking"') && !text.includes('"mask_zero":true')) return;
  for (const { class_name, config } of layersOf(model)) {
    const wrapped = config['layer'] as LayerJson | undefined;
    if (class_name !== 'Bidirectional' || wrapped?.config['return_sequences'] !== true) continue;
    if (config['zero_output_for_mask'] === true) continue;
    throw unsupported(
      `layer ${String(config['name'])} (Bidirectional): with a mask and return_sequences, Keras fills masked steps with ` +
        'zeros and tf.layers repeats outputs; layers.bidirectional does as Keras',
    );
  }
}

function isModel({ class_name }: LayerJson): boolean {
  return class_name === 'Sequential' || class_name === 'Model' || class_name === 'Functional';
}

function layersOf(model: LayerJson): readonly ListedLayer[] {
  return (model.config['layers'] ?? []) as readonly ListedLayer[];
}

function shapesBelow(shapes: ModelShapes, { config }: LayerJson): ModelShapes {
  const found = shapes.models[String(config['name'])];
  if (found === undefined) throw new Error(`invariant broken: no shapes of model ${String(config['name'])}`);
  return found;
}

function inputConfig(input: TensorShape | undefined): Config {
  return input === undefined ? {} : { batch_input_shape: input.shape, dtype: input.dtype };
}

function keras(module: string, className: string, config: Config): LayerJson {
  const saved = inModule(module, { class_name: className, config });
  return { ...saved, registered_name: className } as LayerJson;
}

function unsupported(message: string): LockstepError {
  return new LockstepError('checkpoint/unsupported', message);
}

function notHere(): never {
  throw new Error('invariant broken: a conversion in the other direction');
}
