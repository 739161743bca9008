import { tf } from '../tf.ts';
import { registeredClass } from './registered-class.ts';

type Tensor = tf.Tensor;
type Masks = readonly (Tensor | null)[];

interface Merging {
  readonly axis: number;
  computeMask(inputs: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor;
}

/**
 * Gives tfjs-layers' merging layers the masks that Keras's have; its own have a dimension too many, and read the first
 * mask alone.
 */
export function installMergedMasks(): void {
  const concatenate = registeredClass<Merging, object>('Concatenate').prototype as Merging;
  const merge = Object.getPrototypeOf(registeredClass<Merging, object>('Add').prototype) as Merging;
  merge.computeMask = (_inputs, masks) => tf.tidy(() => commonMask(listOf(masks)) as Tensor);
  concatenate.computeMask = function (this: Merging, inputs, masks) {
    return tf.tidy(() => joinedMask(inputs as Tensor[], listOf(masks), this.axis) as Tensor);
  };
}

function listOf(masks: Tensor | Tensor[] | undefined): Masks {
  return [masks ?? null].flat();
}

/** Steps that some input has; all of them where one input has no mask. */
function commonMask(masks: Masks): Tensor | null {
  if (masks.some((mask) => mask === null || mask === undefined)) return null;
  return (masks as Tensor[]).reduce((a, b) => tf.logicalOr(a, b));
}

/** Joined along time, steps keep their masks; along anything else, a step counts that counts in some input. */
function joinedMask(inputs: readonly Tensor[], masks: Masks, axis: number): Tensor | null {
  if (masks.every((mask) => mask === null || mask === undefined)) return null;
  if ((axis < 0 ? axis + (inputs[0]?.rank ?? 0) : axis) !== 1) return commonMask(masks);
  const all = inputs.map(({ shape }, index) => masks[index] ?? tf.ones(shape.slice(0, 2), 'bool'));
  return tf.concat(all, 1);
}
