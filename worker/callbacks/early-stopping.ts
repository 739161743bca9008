import type { Callback } from '../../shared/job/index.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';

export interface EarlyStoppingOptions extends MonitorOptions {
  /** A smaller change is no improvement. Default 0. */
  readonly minDelta?: number;
  /** Epochs without improvement before training ends. Default 0. */
  readonly patience?: number;
  /** Only what is better than this counts as improvement. */
  readonly baseline?: number;
  /** End with the weights of the best epoch instead of the last one. Default false. */
  readonly restoreBestWeights?: boolean;
  /** Epochs before monitoring starts. Default 0. */
  readonly startFromEpoch?: number;
}

/** Ends training when a measured value stops improving. Arguments and rules of Keras 3's EarlyStopping. */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { minDelta = 0, patience = 0, baseline, restoreBestWeights = false, startFromEpoch = 0 } = options;
  const monitor = new Monitor('earlyStopping', options, minDelta);
  let wait = 0;
  let bestEpoch = -1;
  return {
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
      const improved = monitor.isBetter(value, monitor.best);
      if (restoreBestWeights && (improved || bestEpoch < 0)) control.keepWeights();
      if (improved || bestEpoch < 0) bestEpoch = epoch;
      if (improved) {
        monitor.best = value;
        if (baseline === undefined || monitor.isBetter(value, baseline)) wait = 0;
        return;
      }
      if (wait < patience || epoch === 0) return;
      control.stop(
        `${monitor.name} did not improve for ${wait} ${wait === 1 ? 'epoch' : 'epochs'}; ` +
          `its best was ${monitor.best} in epoch ${bestEpoch + 1}`,
      );
    },
    onTrainEnd(control) {
      if (restoreBestWeights && bestEpoch >= 0) control.restoreWeights();
    },
  };
}
