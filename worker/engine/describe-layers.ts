import { LockstepError } from '../../shared/core/index.ts';
import type { NamedWeight } from './engine.ts';
import { MultiHeadAttention } from './layers/multi-head-attention.ts';
import { variableOf } from './microstep.ts';
import { makeUnique } from './stable-names.ts';
import { tf } from './tf.ts';

/** A layer with its weights and with the layers that it holds, as plain data. */
export interface LayerNode {
  readonly name: string;
  readonly className: string;
  /** In tfjs's order: trainable ones, then the others. Names as in the model's list of weights. */
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** A model's layers without its inputs; a wrapper's; a recurrent layer's cell; in order. */
  readonly inner: readonly LayerNode[];
  /** Of a model. */
  readonly inputs: readonly OutputShape[];
  /** The models among a model's layers, by name. */
  readonly models: Readonly<Record<string, LayerNode>>;
  /** Of an output of a model's layer in its n-th call. */
  outputShape(layer: string, node: number, tensor: number): OutputShape | undefined;
}

interface OutputShape {
  readonly shape: readonly (number | null)[];
  readonly dtype: string;
}

/**
 * Builds a model from its topology, to see which layers hold which weights. Its weights are zeros and it is gone when
 * this returns. Needs no native code.
 * @throws LockstepError checkpoint/corrupt for a topology that tfjs does not build
 */
export async function describeTopology(topology: unknown): Promise<LayerNode> {
  const model = await buildTopology(withZeros(topology));
  try {
    const names = makeUnique(model.weights.map(({ originalName }) => originalName));
    return describe(model, new Map(model.weights.map((weight, index) => [weight, names[index] ?? ''])));
  } finally {
    model.dispose();
  }
}

/**
 * A model with its weights, which the caller disposes of.
 * @throws LockstepError checkpoint/corrupt for a topology that tfjs does not build, or weights that do not fit it
 */
export async function buildFromTopology(
  topology: unknown,
  weights: readonly Omit<NamedWeight, 'trainable'>[],
): Promise<tf.LayersModel> {
  const model = await buildTopology(topology);
  const names = makeUnique(model.weights.map(({ originalName }) => originalName));
  const byName = new Map(weights.map((weight) => [weight.name, weight]));
  for (const [index, weight] of model.weights.entries()) {
    const name = names[index] ?? '';
    const saved = byName.get(name);
    if (saved === undefined || String(saved.shape) !== String(weight.shape)) {
      model.dispose();
      const found = saved === undefined ? 'is missing' : `has shape [${saved.shape}] instead of [${weight.shape}]`;
      throw new LockstepError('checkpoint/corrupt', `weight ${name} of the saved model ${found}`);
    }
    // A copy, because a tensor may live in the array that it was made of.
    const tensor = tf.tensor(saved.values.slice(), weight.shape as number[]);
    variableOf(weight).assign(tensor);
    tensor.dispose();
  }
  return model;
}

async function buildTopology(topology: unknown): Promise<tf.LayersModel> {
  // Plain tfjs would compute on whatever backend it finds.
  if (tf.getBackend() === undefined || tf.getBackend() === '') await tf.setBackend('cpu');
  try {
    return await tf.models.modelFromJSON(topology as tf.io.ModelJSON);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LockstepError('checkpoint/corrupt', `TensorFlow.js does not build the model: ${reason}`, {
      cause: error,
    });
  }
}

/** Orthogonal matrices and the like take long, and nobody looks at them. */
function withZeros(topology: unknown): unknown {
  return JSON.parse(JSON.stringify(topology), (key, value: unknown) =>
    /_initializer$/.test(key) ? { class_name: 'Zeros', config: {} } : value,
  );
}

function describe(layer: tf.layers.Layer, names: ReadonlyMap<tf.LayerVariable, string>): LayerNode {
  const held = heldBy(layer);
  const named = ({ weights }: Pick<tf.layers.Layer, 'weights'>): LayerNode['weights'] =>
    weights.map((weight) => ({ name: names.get(weight) ?? weight.originalName, shape: weight.shape as number[] }));
  const inner = [
    ...held.filter((item) => item.getClassName() !== 'InputLayer').map((item) => describe(item, names)),
    ...partsOf(layer).map((part) => ({ ...part, className: 'EinsumDense', weights: named(part), ...nothingInside })),
  ];
  const models = held.flatMap((item, index) =>
    item instanceof tf.LayersModel ? [[item.name, describe(held[index] as tf.layers.Layer, names)] as const] : [],
  );
  return {
    name: layer.name,
    className: layer.getClassName(),
    weights: named(layer),
    inner,
    inputs: layer instanceof tf.LayersModel ? layer.inputs.map(({ shape, dtype }) => ({ shape, dtype })) : [],
    models: Object.fromEntries(models),
    outputShape: outputShapes(held),
  };
}

const nothingInside = { inner: [], inputs: [], models: {}, outputShape: () => undefined };

/** The weights of attention, as Keras keeps them: in a dense layer for each part. */
function partsOf(layer: tf.layers.Layer): MultiHeadAttention['parts'] {
  return layer instanceof MultiHeadAttention ? layer.parts : [];
}

/** What layers of several kinds keep their inner layers in; tfjs publishes few of these. */
interface Holder {
  readonly layers?: tf.layers.Layer[];
  readonly forwardLayer?: tf.layers.Layer;
  readonly backwardLayer?: tf.layers.Layer;
  readonly cells?: tf.layers.Layer[];
  readonly cell?: tf.layers.Layer;
  readonly layer?: tf.layers.Layer;
}

function heldBy(layer: tf.layers.Layer): tf.layers.Layer[] {
  const { layers, forwardLayer, backwardLayer, cells, cell, layer: wrapped } = layer as unknown as Holder;
  if (layer instanceof tf.LayersModel) return layers ?? [];
  if (forwardLayer !== undefined && backwardLayer !== undefined) return [forwardLayer, backwardLayer];
  return cells ?? [cell ?? wrapped].filter((item) => item !== undefined);
}

/** Shapes are taken now: the model is disposed before anyone asks. */
function outputShapes(layers: readonly tf.layers.Layer[]): LayerNode['outputShape'] {
  const found = new Map<string, OutputShape>();
  for (const layer of layers) {
    const nodes = layer.inboundNodes as unknown as readonly { outputTensors: readonly tf.SymbolicTensor[] }[];
    for (const [node, { outputTensors }] of nodes.entries()) {
      for (const [tensor, { shape, dtype }] of outputTensors.entries()) {
        found.set(`${layer.name}\n${node}\n${tensor}`, { shape, dtype });
      }
    }
  }
  return (layer, node, tensor) => found.get(`${layer}\n${node}\n${tensor}`);
}
