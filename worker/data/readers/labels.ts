import { LockstepError } from '../../../shared/core/index.ts';
import type { NpyArray, RowReader } from '../numpy/npy-array.ts';

/** All class numbers, checked. @throws LockstepError data/corrupt */
export function readLabels({ bytes, shape }: NpyArray, rows: RowReader, classes: number): Float32Array {
  const labels = new Float32Array(shape[0] ?? 0);
  for (let sample = 0; sample < labels.length; sample++) {
    rows.read(sample, labels.subarray(sample, sample + 1));
    const label = labels[sample] as number;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw new LockstepError(
      'data/corrupt',
      `${bytes.path}: label ${label} of sample ${sample}, expected 0 to ${classes - 1}`,
      { details: { file: bytes.path, sample, label } },
    );
  }
  return labels;
}
