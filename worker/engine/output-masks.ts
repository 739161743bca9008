import { layersBelow } from './layer-tree.ts';
import { tf } from './tf.ts';

/** What a layer that masks keeps outside of its public types. */
interface MaskingLayer {
  readonly maskZero?: boolean;
}

/** Whether some layer of the model makes a mask; whether it reaches an output, a forward pass tells. */
export function makesMasks(model: tf.LayersModel): boolean {
  return layersBelow(model).some(
    (layer) => (layer as MaskingLayer).maskZero === true || layer.getClassName() === 'Masking',
  );
}

/**
 * Runs a forward pass and catches the mask of each output, [batch, time] of bool, or null: tfjs-layers hands masks from
 * layer to layer and throws the last ones away. The masks live as long as
 * the scope around the call.
 */
export function captureMasks(
  model: tf.LayersModel,
  run: () => tf.Tensor[],
): { outputs: tf.Tensor[]; masks: (tf.Tensor | null)[] } {
  const sources = model.outputs.map(({ sourceLayer }) => sourceLayer);
  const caught = new Map<tf.layers.Layer, tf.Tensor | null>();
  for (const layer of new Set(sources)) {
    const { computeMask } = layer;
    Object.defineProperty(layer, 'computeMask', {
      configurable: true,
      value: (...args: Parameters<typeof computeMask>) => {
        const mask = computeMask.apply(layer, args);
        const first = [mask].flat().find((item) => item != null);
        const before = caught.get(layer);
        if (before != null) tf.dispose(before);
        caught.set(layer, first === undefined ? null : tf.keep(first.clone()));
        return mask;
      },
    });
  }
  try {
    const outputs = run();
    return { outputs, masks: sources.map((layer) => caught.get(layer)?.clone() ?? null) };
  } finally {
    tf.dispose([...caught.values()].filter((mask) => mask !== null));
    // Uncovers the method of the layer's class.
    for (const layer of sources) Reflect.deleteProperty(layer, 'computeMask');
  }
}
