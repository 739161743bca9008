import { LockstepError } from '../../shared/core/index.ts';

/**
 * @param lossSum of one replica, or of all where none is given
 * @throws LockstepError engine/non-finite before a diverged step can reach the weights
 */
export function assertFiniteLoss(lossSum: number | undefined, step: number, replica?: number): void {
  if (Number.isFinite(lossSum)) return;
  const where = replica === undefined ? '' : ` on replica ${replica}`;
  throw new LockstepError(
    'engine/non-finite',
    `the loss of step ${step} is ${lossSum}${where}: training diverged, and nothing of this step is kept; ` +
      'lower the learning rate, or check the data for such values',
    { details: { step, loss: String(lossSum), ...(replica === undefined ? {} : { replica }) } },
  );
}
