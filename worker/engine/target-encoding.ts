/** How targets say what is right. */
export type TargetEncoding = 'binary' | 'sparse' | 'categorical';

/**
 * What `accuracy` and `crossentropy` mean for an output, decided by shapes as Keras 3 does
 * (keras/src/trainers/compile_utils.py).
 *
 * @param target shape of one sample's target
 * @param output shape of one sample's prediction
 */
export function encodingOf(target: readonly number[], output: readonly (number | null)[]): TargetEncoding {
  if (output.at(-1) === 1) return 'binary';
  return target.length < output.length || target.at(-1) === 1 ? 'sparse' : 'categorical';
}
