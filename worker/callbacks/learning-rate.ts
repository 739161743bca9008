import { LockstepError } from '../../shared/core/index.ts';
import { amount, type Callback, reader } from '../../shared/job/index.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';
import { checkOptions, count, finite, monitorReaders, teller, type VerboseOptions, verbosity } from './options.ts';
import { remembering } from './replay.ts';

export interface ReduceLROnPlateauOptions extends MonitorOptions, VerboseOptions {
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

const readers = {
  ...monitorReaders,
  factor: reader('a number between 0 and 1', (value) => typeof value === 'number' && value > 0 && value < 1),
  patience: count,
  minDelta: finite,
  cooldown: count,
  minLr: amount,
  verbose: verbosity,
};

/**
 * Lowers the learning rate when a measured value stops improving. Arguments and rules of Keras 3's ReduceLROnPlateau.
 * @throws LockstepError job/invalid for an option that it doesn't have or take
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  checkOptions('reduceLROnPlateau', readers, options);
  const { factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLr = 0 } = options;
  const monitor = new Monitor('reduceLROnPlateau', options, minDelta);
  const tell = teller(options.verbose ?? 0);
  let wait = 0;
  let cooling = 0;
  return remembering({
    onTrainBegin(control) {
      monitor.check(control);
      monitor.reset();
      wait = 0;
      cooling = 0;
    },
    onEpochEnd(epoch, logs, control) {
      if (cooling > 0) {
        cooling--;
        wait = 0;
      }
      if (monitor.improves(monitor.read(logs))) {
        wait = 0;
        return;
      }
      if (cooling > 0 || ++wait < patience) return;
      const rate = Math.fround(control.learningRate);
      if (rate <= Math.fround(minLr)) return;
      const reduced = shortestFloat32(Math.max(rate * factor, minLr));
      tell(`epoch ${epoch + 1}: reducing the learning rate to ${reduced}`);
      control.setLearningRate(reduced);
      cooling = cooldown;
      wait = 0;
    },
  });
}

/** Keras keeps rates in float32: of the numbers that are the same there, the one that reads best. */
function shortestFloat32(value: number): number {
  const candidates = [6, 7, 8, 9].map((digits) => Number(value.toPrecision(digits)));
  return candidates.find((candidate) => Math.fround(candidate) === Math.fround(value)) ?? value;
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
