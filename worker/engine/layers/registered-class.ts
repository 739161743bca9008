import { tf } from '../tf.ts';

type LayerClass = new (args: object) => tf.layers.Layer;

/**
 * A class of tfjs-layers, which publishes the functions that make layers and not their classes. `Inside` says what is
 * used of it beyond its published types.
 */
export function registeredClass<Inside, Args extends object>(
  className: string,
): new (
  args: Args,
) => tf.layers.Layer & Inside {
  const found = tf.serialization.SerializationMap.getMap().classNameMap[className]?.[0];
  if (found === undefined) throw new Error(`invariant broken: TensorFlow.js has no class ${className}`);
  return found as unknown as new (
    args: Args,
  ) => tf.layers.Layer & Inside;
}

/**
 * Makes saved models find a class by its name. A class of tfjs-layers' own name takes its place there: it must be what
 * that class is, unless its configuration says otherwise.
 */
export function register(layer: LayerClass | (new (args: never) => tf.layers.Layer)): void {
  tf.serialization.registerClass(layer as unknown as Parameters<typeof tf.serialization.registerClass>[0]);
}

/** The one input of a layer that has one. */
export function single(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor;
}

/** The shape of the one input. */
export function singleShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tf.Shape;
}
