import { tf } from '../tf.ts';

type Tensor = tf.Tensor;
type Inputs = Tensor | Tensor[] | tf.SymbolicTensor | tf.SymbolicTensor[];
type CallArguments = { mask?: Tensor | Tensor[] | null; [name: string]: unknown };

/** The mask of each tensor that has one, [batch, time]; null for one whose layer lets none through. */
const masks = new WeakMap<Tensor, Tensor | null>();

/** Arguments that a call has had: tfjs-layers goes on with them in later calls, with the mask that was in them. */
const used = new WeakSet<object>();

/** The mask that goes with a layer's result, or null. */
export function maskOf(tensor: Tensor): Tensor | null {
  return masks.get(tensor) ?? null;
}

/**
 * Lets each tensor carry its mask from layer to layer, as Keras does. tfjs-layers hands a layer its first input's mask
 * alone, loses it where a model is in a model, and hands the last mask that there was to layers whose inputs have none:
 * an LSTM behind RepeatVector would skip steps that a masked LSTM before it has summed up.
 */
export function installTensorMasks(): void {
  const { prototype } = tf.layers.Layer as unknown as { prototype: tf.layers.Layer };
  const { apply } = prototype;
  prototype.apply = function (this: tf.layers.Layer, inputs: Inputs, kwargs?: CallArguments) {
    const values = [inputs].flat() as Tensor[];
    if (!values.every((value) => value instanceof tf.Tensor)) return apply.call(this, inputs, kwargs);
    const mask = masks.get(values[0] as Tensor) ?? freshMask(kwargs);
    const { mask: _, ...others } = kwargs ?? {};
    const given: CallArguments = mask === null ? others : { ...others, mask };
    used.add(given);
    const made = apply.call(this, inputs, given) as Tensor | Tensor[];
    // The layers inside of a model have said what masks its results have.
    if (!(this instanceof tf.LayersModel)) note(this, values, mask, [made].flat());
    return made;
  };
}

/** A mask that the caller gave itself. */
function freshMask(kwargs: CallArguments | undefined): Tensor | null {
  if (kwargs === undefined || used.has(kwargs)) return null;
  used.add(kwargs);
  return [kwargs.mask ?? null].flat()[0] ?? null;
}

function note(layer: tf.layers.Layer, inputs: readonly Tensor[], first: Tensor | null, made: readonly Tensor[]): void {
  const given = inputs.map((input, index) => (index === 0 ? first : maskOf(input)));
  const found = layer.supportsMasking ? layer.computeMask([...inputs], given as Tensor[]) : null;
  const [mask = null] = [(found as Tensor | Tensor[] | null) ?? null].flat();
  for (const [index, tensor] of made.entries()) {
    // A layer may hand its input on as it is.
    if (!inputs.includes(tensor)) masks.set(tensor, index === 0 ? mask : null);
  }
}
