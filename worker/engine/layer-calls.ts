import { LockstepError } from '../../shared/core/index.ts';
import { layersBelow } from './layer-tree.ts';
import { tf } from './tf.ts';

/** What tf.Sequential keeps outside of its public types. */
interface SequentialInside {
  readonly model: tf.layers.Layer | null;
}

/**
 * While `fn` runs, each call of a layer happens inside of `within`, under the layer's name.
 *
 * @param rename tfjs's layer names → those that users see
 * @throws LockstepError engine/unsupported for a layer whose call is asynchronous
 */
export function aroundLayerCalls<T>(
  model: tf.LayersModel,
  rename: (text: string) => string,
  within: <R>(layer: string, run: () => R) => R,
  fn: () => T,
): T {
  const all = layersBelow(model);
  // A sequential model holds a model of its own making, which users know nothing of.
  const inner = all.map((layer) =>
    layer instanceof tf.Sequential ? (layer as unknown as SequentialInside).model : null,
  );
  const layers = all.filter((layer) => layer !== model && !inner.includes(layer));
  for (const layer of layers) {
    const call = layer.call;
    const name = rename(layer.name);
    Object.defineProperty(layer, 'call', {
      configurable: true,
      value: (...args: Parameters<typeof call>) => within(name, () => synchronous(name, call.apply(layer, args))),
    });
  }
  try {
    return fn();
  } finally {
    // Uncovers the method of the layer's class.
    for (const layer of layers) Reflect.deleteProperty(layer, 'call');
  }
}

function synchronous<T>(layer: string, result: T): T {
  if (!(result instanceof Promise)) return result;
  result.catch(() => {});
  throw new LockstepError(
    'engine/unsupported',
    `layer ${layer} is asynchronous: its call returned a promise, and a step waits for no value on its way; compute with ` +
      'tf ops alone (tf.where for a branch), or read values by dataSync and train with --eager',
    { details: { layer } },
  );
}
