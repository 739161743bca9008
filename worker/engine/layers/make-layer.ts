import { LockstepError, nearest } from '../../../shared/core/index.ts';
import { type LayerName, layerEntries } from '../../../shared/layers/index.ts';
import type { tf } from '../tf.ts';
import { savedActivation } from './activations.ts';
import { checkGiven } from './given-options.ts';

export type Maker = (args: never) => tf.layers.Layer;

/** Options of every layer besides its own. */
const everyLayer = [
  'inputShape',
  'batchInputShape',
  'batchSize',
  'dtype',
  'name',
  'trainable',
  'weights',
  'inputDType',
];

/** Keras's name of an option, where tfjs-layers has another one: layer, Keras's, tfjs-layers'. */
const renamed: Readonly<Record<string, readonly [keras: string, tfjs: string]>> = {
  leakyReLU: ['negativeSlope', 'alpha'],
};

/**
 * A layer with Keras's defaults and activations by Lockstep's names.
 * @throws LockstepError job/invalid for an option that the layer does not know, needs or can use, or an activation that nobody knows
 */
export function makeLayer(name: LayerName, make: Maker, given: object): tf.layers.Layer {
  checkGiven(name, given);
  const { defaults } = layerEntries[name];
  const [keras, tfjs] = renamed[name] ?? ['', ''];
  const options = Object.entries({ ...defaults, ...given })
    .filter(([, value]) => value !== undefined)
    .map(([option, value]: [string, unknown]) => {
      const isActivation = option === 'activation' || option === 'recurrentActivation';
      return [option === keras ? tfjs : option, isActivation && value !== null ? savedActivation(value) : value];
    });
  const layer = attempt(name, given, () => make(Object.fromEntries(options) as never));
  const own = Object.keys(layer.getConfig()).map((option) => (option === tfjs ? keras : option));
  checkOptions(name, Object.keys(given), [...own, ...everyLayer]);
  return layer;
}

/** An option that is missing, or one that tfjs-layers does not take. */
function attempt<T>(layer: string, given: object, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof LockstepError) throw error;
    const options = Object.keys(given).join(', ') || 'none';
    const reason = error instanceof Error ? error.message : String(error);
    throw new LockstepError('job/invalid', `layers.${layer}: ${reason} Options given: ${options}`, {
      details: { layer },
      cause: error,
    });
  }
}

function checkOptions(layer: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((option) => !known.includes(option));
  if (unknown === undefined) return;
  const close = nearest(unknown, known);
  const meant = close === undefined ? `it has ${[...new Set(known)].sort().join(', ')}` : `did you mean ${close}?`;
  throw new LockstepError('job/invalid', `layers.${layer} has no option ${unknown}; ${meant}`, {
    details: { layer, option: unknown },
  });
}
