import { LockstepError } from '../../shared/core/index.ts';
import type { TrainBenchmarkOptions } from './train-benchmark.ts';
import { type TrainingWorkload, titleOf } from './training-workloads.ts';

export interface TrainFlags {
  readonly workloads: string;
  readonly rounds: string;
  readonly json: boolean;
}

/** @throws LockstepError config/invalid */
export function readTrainOptions({ workloads, rounds, json }: TrainFlags): TrainBenchmarkOptions {
  const names = workloads.split(',');
  const unknown = names.find((name) => !Object.hasOwn(titleOf, name));
  if (unknown !== undefined) {
    const known = Object.keys(titleOf).join(',');
    throw new LockstepError('config/invalid', `--workloads ${unknown}: expected some of ${known}`);
  }
  return { workloads: names as TrainingWorkload[], rounds: readRounds(rounds), json };
}

/** @throws LockstepError config/invalid */
export function readRounds(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) > 0) return Number(text);
  throw new LockstepError('config/invalid', `--rounds ${text}: expected a whole number from 1 to 999`);
}
