import { LockstepError } from '../../shared/core/index.ts';
import type { Contribution } from './engine.ts';

/** @throws LockstepError engine/non-finite before a diverged step can reach the weights */
export function assertFiniteLoss(reduced: Contribution, step: number): void {
  const lossSum = reduced.statistics[0];
  if (Number.isFinite(lossSum)) return;
  throw new LockstepError(
    'engine/non-finite',
    `the loss of step ${step} is ${lossSum}: training diverged; lower the learning rate, or check the data for such values`,
    { details: { step } },
  );
}
