import { LockstepError } from '../core/index.ts';

/** All samples after one another; `shape` is that of one: what `datasets.arrays` takes. */
export interface CategoricalTargets {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/**
 * Class numbers as rows of zeros with a one, [samples, numClasses], as Keras's `to_categorical`. `numClasses` is the
 * largest class number + 1 when left out.
 * @throws LockstepError data/corrupt for what is no class number below numClasses
 */
export function toCategorical(labels: ArrayLike<number>, numClasses?: number): CategoricalTargets {
  let largest = -1;
  for (let sample = 0; sample < labels.length; sample++) largest = Math.max(largest, labels[sample] as number);
  const classes = numClasses ?? largest + 1;
  const values = new Float32Array(labels.length * classes);
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample] as number;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new LockstepError(
        'data/corrupt',
        `toCategorical: label ${label} of sample ${sample}, expected a whole number from 0 to ${classes - 1}`,
        { details: { sample, label } },
      );
    }
    values[sample * classes + label] = 1;
  }
  return { values, shape: [classes] };
}
