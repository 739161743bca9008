import type { TensorSpec } from '../../shared/job/index.ts';

/** Values in one sample of a tensor: the product of its shape. */
export function valuesPerSample(spec: TensorSpec): number {
  return spec.shape.reduce((product, size) => product * size, 1);
}
