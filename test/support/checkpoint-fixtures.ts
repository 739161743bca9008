import type { TrainingCheckpoint } from '../../worker/checkpoint/training/write-checkpoint.ts';

/** A state that is another one after each step. */
export function checkpointOf(step: number, measured: Readonly<Record<string, number>> = {}): TrainingCheckpoint {
  const array = (name: string, length: number) => ({
    ...{ name, shape: [length] },
    values: Float32Array.from({ length }, (_, index) => step + index / 8),
  });
  return {
    step,
    identity: { seed: 7, optimizer: 'adam' },
    environment: { threads: 1 },
    measured,
    progress: { step, epoch: { steps: step, lossSum: 0.1 + step } },
    groups: { weights: [array('dense/kernel', 5), array('dense/bias', 3)], slots: [array('dense/kernel/momentum', 5)] },
  };
}
