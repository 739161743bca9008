import { tf } from './tf.ts';

/** What layers keep outside of their public types: `activation` of most, `softmax` of the Softmax layer. */
interface ActivatedLayer {
  readonly activation?: Activation;
  readonly softmax?: (x: tf.Tensor, axis?: number) => tf.Tensor;
}

interface Activation {
  getClassName?(): string;
  apply(x: tf.Tensor, axis?: number): tf.Tensor;
}

/**
 * Runs a forward pass and catches what went into the softmax or sigmoid that made each output, shaped like it; null where
 * something else made it. They live as long as the scope around the call.
 */
export function captureLogits(
  model: tf.LayersModel,
  run: () => tf.Tensor[],
): { outputs: tf.Tensor[]; logits: (tf.Tensor | null)[] } {
  // By the activation's result, so that a layer that goes on computing after it has none.
  const caught = new Map<number, tf.Tensor>();
  const restored = [...new Set(model.outputs.map(makerOf))].flatMap((layer) => watch(layer, caught));
  try {
    const outputs = run();
    return { outputs, logits: outputs.map(({ id }) => caught.get(id)?.clone() ?? null) };
  } finally {
    tf.dispose([...caught.values()]);
    for (const restore of restored) restore();
  }
}

/** The layer that computes an output, inside of whatever models it is in. */
function makerOf(output: tf.SymbolicTensor): tf.layers.Layer {
  const { sourceLayer } = output;
  const { outputs } = sourceLayer as Partial<tf.LayersModel>;
  const inner = outputs?.[output.outputTensorIndex ?? 0];
  return inner === undefined ? sourceLayer : makerOf(inner);
}

/** Covers the layer's activation, if it is one of the two, until the function that it gives is called. */
function watch(layer: tf.layers.Layer, caught: Map<number, tf.Tensor>): (() => void)[] {
  const { activation, softmax } = layer as unknown as ActivatedLayer;
  const catching = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => {
    caught.get(y.id)?.dispose();
    caught.set(y.id, tf.keep(x.clone()));
    return y;
  };
  if (activation !== undefined && ['softmax', 'sigmoid'].includes(activation.getClassName?.() ?? '')) {
    const { apply } = activation;
    const own = (x: tf.Tensor, axis?: number): tf.Tensor => catching(x, apply.call(activation, x, axis));
    Object.defineProperty(activation, 'apply', { configurable: true, value: own });
    return [() => Reflect.deleteProperty(activation, 'apply')];
  }
  if (layer.getClassName() !== 'Softmax' || softmax === undefined) return [];
  const own = (x: tf.Tensor, axis?: number): tf.Tensor => catching(x, softmax(x, axis));
  Object.defineProperty(layer, 'softmax', { configurable: true, writable: true, value: own });
  return [() => Object.assign(layer, { softmax })];
}
