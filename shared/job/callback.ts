import { LockstepError } from '../core/index.ts';
import { show } from './checks.ts';

/**
 * What was measured: `loss`, the job's metrics by name, the same with `val_` in front where there is validation data,
 * and `learning_rate`. Keras's names.
 */
export type Logs = Readonly<Record<string, number>>;

/** What a callback may ask for. Takes effect on all workers, before the next epoch. */
export interface TrainingControl {
  /** Epochs that the run is planned for. */
  readonly epochs: number;
  /** Directory of the run's results, on the machine that runs the callbacks. */
  readonly out: string;
  /** The names that `logs` will have. */
  readonly logNames: readonly string[];
  /** @throws LockstepError job/invalid where the optimizer has a schedule, which has no one rate */
  readonly learningRate: number;
  /** From the next step on. @throws LockstepError job/invalid as `learningRate`, or for what is no rate */
  setLearningRate(rate: number): void;
  /** Ends training after this epoch; the first reason given counts. */
  stop(reason: string): void;
  /** Every worker remembers the weights as they are now, in place of what it remembered before. */
  keepWeights(): void;
  /** Every worker goes back to the remembered weights; without any, nothing happens. */
  restoreWeights(): void;
  /** Saves the model as it is now, whole or not at all. */
  saveModel(directory: string): Promise<void>;
}

export interface PastEpoch {
  readonly epoch: number;
  readonly logs: Logs;
}

/**
 * Called while a job trains, once per run and not once per worker: on the worker of rank 0, one after the other, in
 * the job's order. What they decide holds for all workers from the same step on. Epochs and batches count from 0.
 */
export interface Callback {
  onTrainBegin?(control: TrainingControl): void | Promise<void>;
  /**
   * In place of onTrainBegin, on a worker that takes over from one that was lost: what the epochs so far came to, for
   * a callback that remembers something of them. Nothing is decided or saved here.
   */
  onTrainResume?(past: readonly PastEpoch[], control: TrainingControl): void | Promise<void>;
  onEpochBegin?(epoch: number, control: TrainingControl): void | Promise<void>;
  /** After the epoch's validation. */
  onEpochEnd?(epoch: number, logs: Logs, control: TrainingControl): void | Promise<void>;
  /** After each committed step of an epoch, with the means of the epoch so far. Training waits for it. */
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>;
  /** After the last epoch, whatever ended training; not after a failure. */
  onTrainEnd?(control: TrainingControl): void | Promise<void>;
}

const hooks = ['onTrainBegin', 'onTrainResume', 'onEpochBegin', 'onEpochEnd', 'onBatchEnd', 'onTrainEnd'] as const;

/** @throws LockstepError job/invalid */
export function checkCallbacks(callbacks: unknown): readonly Callback[] {
  if (!Array.isArray(callbacks)) {
    throw new LockstepError('job/invalid', `callbacks must be an array, got ${show(callbacks)}.`);
  }
  for (const [index, callback] of callbacks.entries()) {
    const found = hooks.filter((hook) => callback?.[hook] !== undefined);
    const broken = found.find((hook) => typeof callback[hook] !== 'function');
    if (found.length > 0 && broken === undefined) continue;
    const problem = broken === undefined ? `has none of ${hooks.join(', ')}` : `has a ${broken} that is no function`;
    throw new LockstepError('job/invalid', `callbacks[${index}] ${problem}, got ${show(callback)}.`);
  }
  return Object.freeze([...callbacks]);
}
