import type { WorkloadName } from './workloads.ts';

export type TrainingWorkload = Extract<WorkloadName, 'cnn' | 'lstm' | 'dense'>;

/** Samples of one worker in a step. The peers are told. `dense`: as many as make computing and sending take alike. */
export const rowsOf: Readonly<Record<TrainingWorkload, number>> = { cnn: 32, lstm: 32, dense: 256 };

export const titleOf: Readonly<Record<TrainingWorkload, string>> = {
  cnn: 'CNN, 64×64×3 images',
  lstm: 'LSTM 64, 100 words of 10,000',
  dense: '16 dense layers of 1024',
};

/** Timed steps of one turn: a few seconds. */
export const stepsOf: Readonly<Record<TrainingWorkload, number>> = { cnn: 40, lstm: 120, dense: 8 };
