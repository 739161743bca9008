import { LockstepError } from '../../shared/core/index.ts';
import type { Callback } from '../../shared/job/index.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** The rate is multiplied by this, which is below 1. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement before the rate falls. Default 10. */
  readonly patience?: number;
  /** A smaller change is no improvement. Default 0.0001. */
  readonly minDelta?: number;
  /** Epochs after a fall in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** The rate never falls below. Default 0. */
  readonly minLr?: number;
}

/** Lowers the learning rate when a measured value stops improving. Rules of Keras 3's ReduceLROnPlateau. */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const { factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLr = 0 } = options;
  if (!(factor > 0 && factor < 1)) {
    throw new LockstepError('job/invalid', `reduceLROnPlateau: factor must be between 0 and 1, got ${factor}.`);
  }
  const monitor = new Monitor('reduceLROnPlateau', options, minDelta);
  let wait = 0;
  let cooling = 0;
  return {
    onTrainBegin(control) {
      monitor.check(control);
      monitor.reset();
      wait = 0;
      cooling = 0;
    },
    onEpochEnd(_epoch, logs, control) {
      const value = monitor.read(logs);
      if (cooling > 0) {
        cooling--;
        wait = 0;
      }
      if (monitor.isBetter(value, monitor.best)) {
        monitor.best = value;
        wait = 0;
        return;
      }
      if (cooling > 0 || ++wait < patience) return;
      const rate = control.learningRate;
      if (rate <= Math.fround(minLr)) return;
      control.setLearningRate(Math.max(rate * factor, minLr));
      cooling = cooldown;
      wait = 0;
    },
  };
}

/**
 * Asks `schedule` for the learning rate before each epoch, as Keras's LearningRateScheduler does. For a rate that is a
 * function of the step alone, an optimizer's `learningRate: schedules.…` needs no callback.
 */
export function learningRateScheduler(schedule: (epoch: number, learningRate: number) => number): Callback {
  if (typeof schedule !== 'function') {
    throw new LockstepError('job/invalid', 'learningRateScheduler expects a function (epoch, learningRate) => rate.');
  }
  return {
    onEpochBegin(epoch, control) {
      control.setLearningRate(schedule(epoch, control.learningRate));
    },
  };
}
