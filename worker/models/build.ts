import { tf } from '../engine/index.ts';

/** Layers one after the other; the first of them, or `inputShape`, says the shape of a sample. */
export function sequential(
  layers: readonly tf.layers.Layer[],
  { inputShape, name }: { readonly inputShape?: readonly (number | null)[]; readonly name?: string } = {},
): tf.Sequential {
  const model = tf.sequential(name === undefined ? {} : { name });
  if (inputShape !== undefined) model.add(tf.layers.inputLayer({ inputShape: [...inputShape] }));
  for (const layer of layers) model.add(layer);
  return model;
}

/** A place for samples of a shape, for `model`. */
export function input(options: Parameters<typeof tf.input>[0]): tf.SymbolicTensor {
  return tf.input(options);
}

/** The functional API: layers applied to inputs and to each other's results, with one or several inputs and outputs. */
export function model(options: Parameters<typeof tf.model>[0]): tf.LayersModel {
  return tf.model(options);
}
