import { tf } from './tf.ts';

/** How tfjs's backends store tensors: `values` is set while a tensor still lives in a JavaScript array. */
interface TensorStore {
  get(dataId: object): { readonly values: unknown } | undefined;
}

/**
 * A float32 tensor's values in an array of the caller's own. tfjs hands out the array that a tensor lives in where
 * there is one (always on the `cpu` backend, before its first use on `tensorflow`); only then is a copy made.
 */
export function readFloats(tensor: tf.Tensor): Float32Array<ArrayBuffer> {
  const { tensorMap, data } = tf.backend() as unknown as { tensorMap?: TensorStore; data?: TensorStore };
  const stored = (tensorMap ?? data)?.get(tensor.dataId)?.values;
  const values = tensor.dataSync<'float32'>() as Float32Array<ArrayBuffer>;
  return stored === null || stored === undefined ? values : values.slice();
}
