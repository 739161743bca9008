import { type Callback, flag } from '../../shared/job/index.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';
import { checkOptions, count, finite, monitorReaders, teller, type VerboseOptions, verbosity } from './options.ts';
import { remembering } from './replay.ts';

export interface EarlyStoppingOptions extends MonitorOptions, VerboseOptions {
  /** A smaller change is no improvement. Default 0. */
  readonly minDelta?: number;
  /** Epochs without improvement before training ends. Default 0. */
  readonly patience?: number;
  /** Only what is better than this starts the patience anew. */
  readonly baseline?: number;
  /** End with the weights of the best epoch instead of the last one. Default false. */
  readonly restoreBestWeights?: boolean;
  /** Epochs before monitoring starts. Default 0. */
  readonly startFromEpoch?: number;
}

const readers = {
  ...monitorReaders,
  minDelta: finite,
  patience: count,
  baseline: finite,
  restoreBestWeights: flag,
  startFromEpoch: count,
  verbose: verbosity,
};

/**
 * Ends training when a measured value stops improving. Arguments and rules of Keras 3's EarlyStopping.
 * @throws LockstepError job/invalid for an option that it doesn't have or take
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  checkOptions('earlyStopping', readers, options);
  const { minDelta = 0, patience = 0, baseline, restoreBestWeights = false, startFromEpoch = 0 } = options;
  const monitor = new Monitor('earlyStopping', options, minDelta);
  const tell = teller(options.verbose ?? 0);
  let wait = 0;
  let bestEpoch = -1;
  return remembering({
    onTrainBegin(control) {
      monitor.check(control);
      monitor.reset();
      wait = 0;
      bestEpoch = -1;
    },
    onEpochEnd(epoch, logs, control) {
      if (epoch < startFromEpoch) return;
      const value = monitor.read(logs);
      wait++;
      if (monitor.improves(value)) {
        if (restoreBestWeights) control.keepWeights();
        bestEpoch = epoch;
        if (baseline === undefined || monitor.isBetter(value, baseline)) wait = 0;
        return;
      }
      if (wait < patience || epoch === 0) return;
      tell(`epoch ${epoch + 1}: early stopping`);
      control.stop(
        `${monitor.name} did not improve for ${wait} ${wait === 1 ? 'epoch' : 'epochs'}; ` +
          `its best was ${monitor.best} in epoch ${bestEpoch + 1}`,
      );
    },
    onTrainEnd(control) {
      if (!restoreBestWeights || bestEpoch < 0) return;
      tell(`restoring the weights of the best epoch, ${bestEpoch + 1}`);
      control.restoreWeights();
    },
  });
}
