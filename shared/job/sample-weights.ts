import { LockstepError } from '../core/index.ts';
import { type SharedTensor, shareTensor } from './array-tensors.ts';
import { checkFinite, show } from './checks.ts';
import type { DatasetDescription } from './job.ts';

/** How much each class counts in the loss, by its number; others count 1. */
export type ClassWeight = Readonly<Record<number, number>>;

/** @throws LockstepError job/invalid unless there is a finite number of at least 0 for each sample */
export function shareWeights(weights: ArrayLike<number>): SharedTensor {
  if (typeof weights?.length !== 'number' || typeof weights === 'string' || weights.length === 0) {
    throw new LockstepError(
      'job/invalid',
      `sampleWeights: expected an array with a number for each sample, got ${show(weights)}.`,
    );
  }
  for (let sample = 0; sample < weights.length; sample++)
    checkWeight(`sampleWeights: sample ${sample}`, weights[sample]);
  return shareTensor({ values: Float32Array.from(weights), shape: [] });
}

/** The data with the weights of its classes. @throws LockstepError job/invalid */
export function weighClasses(train: DatasetDescription, classWeight: unknown): DatasetDescription {
  if (typeof classWeight !== 'object' || classWeight === null || Object.keys(classWeight).length === 0) {
    throw new LockstepError('job/invalid', `classWeight must be like { 0: 1, 1: 2.5 }, got ${show(classWeight)}.`);
  }
  const weights = Object.entries(classWeight).map(([label, weight]): [number, number] => {
    if (!/^\d+$/.test(label)) {
      throw new LockstepError('job/invalid', `classWeight: ${show(label)} is no class number (0, 1, …).`);
    }
    checkWeight(`classWeight: class ${label}`, weight);
    return [Number(label), weight];
  });
  if (train.transforms.some(({ kind }) => kind === 'sampleWeights')) {
    throw new LockstepError(
      'job/invalid',
      'the job has a classWeight and its training data sampleWeights; as in Keras, use one of them: multiply the ' +
        "samples' weights by those of their classes.",
    );
  }
  return { ...train, transforms: [...train.transforms, { kind: 'classWeight', weights }] };
}

function checkWeight(field: string, weight: unknown): asserts weight is number {
  checkFinite(field, weight);
  if (weight < 0) throw new LockstepError('job/invalid', `${field} must not weigh less than 0, got ${weight}.`);
}
