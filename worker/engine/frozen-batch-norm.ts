import { layersBelow } from './layer-tree.ts';
import { tf } from './tf.ts';

/** What a layer's call is to whoever replaces it. */
interface Callable {
  call(inputs: tf.Tensor | tf.Tensor[], kwargs?: Readonly<Record<string, unknown>>): tf.Tensor | tf.Tensor[];
}

const frozen = new WeakSet<object>();

/**
 * Lets tfjs-layers' BatchNormalization, where it is frozen, normalize by its moving averages in training too and leave
 * them as they are, as Keras 3 does (keras/src/layers/normalization/batch_normalization.py); tfjs-layers looks at
 * `trainable` for gradients alone.
 */
export function installFrozenBatchNorm(): void {
  const prototype = Object.getPrototypeOf(tf.layers.batchNormalization({})) as Callable;
  const { call } = prototype;
  prototype.call = function (this: Callable, inputs, kwargs) {
    return call.call(this, inputs, frozen.has(this) ? { ...kwargs, training: false } : kwargs);
  };
}

/**
 * Marks the batch normalizations whose `trainable` is false, or that of a layer or model around them, and gives them.
 * tfjs-layers doesn't hand `trainable` down to the layers inside, as Keras does.
 */
export function freezeBatchNorms(model: tf.LayersModel): ReadonlySet<tf.layers.Layer> {
  const all = layersBelow(model);
  const found = all
    .filter((layer) => !layer.trainable)
    .flatMap(layersBelow)
    .filter((layer) => layer.getClassName() === 'BatchNormalization');
  for (const layer of found) frozen.add(layer);
  return new Set(found);
}
