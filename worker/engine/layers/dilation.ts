import { tf } from '../tf.ts';

type Tensor = tf.Tensor;

export interface Dilated {
  /** Of each dimension between batch and channels. */
  readonly kernelSize: readonly number[];
  readonly dilationRate: readonly number[];
  readonly padding: string;
}

/**
 * A dilated convolution as one without dilation: every n-th position goes to a batch of its own, and back afterwards.
 * TensorFlow's CPU kernels have no gradient of dilated convolutions.
 *
 * @param convolve the convolution without padding; it may go on with what works on each position alone
 */
export function dilated(
  x: Tensor,
  { kernelSize, dilationRate, padding }: Dilated,
  convolve: (x: Tensor) => Tensor,
): Tensor {
  const block = [...dilationRate];
  const sizes = x.shape.slice(1, -1);
  const pads = sizes.map((size, axis) => {
    const reach = padding === 'same' ? ((kernelSize[axis] ?? 1) - 1) * (block[axis] ?? 1) : 0;
    const before = Math.floor(reach / 2);
    const rest = (size + reach) % (block[axis] ?? 1);
    const filled = rest === 0 ? 0 : (block[axis] ?? 1) - rest;
    return { ends: [before, reach - before + filled], filled };
  });
  const apart = tf.spaceToBatchND(
    x,
    block,
    pads.map(({ ends }) => ends),
  );
  const crops = pads.map(({ filled }) => [0, filled]);
  return tf.batchToSpaceND(convolve(apart), block, crops);
}
