import { tf } from './tf.ts';

/** What a layer keeps outside of its public types. */
interface LayerInside {
  readonly _nonTrainableWeights?: readonly tf.LayerVariable[];
}

/** All layers below `root`, itself first, depth first: wrapped layers, cells and nested models too, each once. */
export function layersBelow(root: tf.layers.Layer): tf.layers.Layer[] {
  const found = new Set<tf.layers.Layer>();
  const visit = (layer: tf.layers.Layer): void => {
    if (found.has(layer)) return;
    found.add(layer);
    // Wrappers and cells hold their inner layers in properties of various names; every kind is found by its class.
    for (const value of Object.values(layer)) {
      for (const item of Array.isArray(value) ? value : [value]) {
        if (item instanceof tf.layers.Layer) visit(item);
      }
    }
  };
  visit(root);
  return [...found];
}

/**
 * Weights that a forward pass in training may change: those that layers made as non-trainable (moving averages of
 * batch normalization), without trainable ones that the user froze. In the model's order.
 *
 * @param still layers that change nothing
 */
export function statisticWeights(model: tf.LayersModel, still: ReadonlySet<tf.layers.Layer>): tf.LayerVariable[] {
  const made = new Set(
    layersBelow(model)
      .filter((layer) => !still.has(layer))
      .flatMap((layer) => (layer as unknown as LayerInside)._nonTrainableWeights ?? []),
  );
  return model.weights.filter((weight) => made.has(weight));
}
