import { join } from 'node:path';
import { LockstepError } from '../../shared/core/index.ts';
import type { Callback, Logs } from '../../shared/job/index.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';

export interface ModelCheckpointOptions extends MonitorOptions {
  /**
   * Directory for each saved model, under the run's --out unless absolute; `{epoch}` (from 1), `{loss}`, `{val_loss}`, …
   * stand for values, `{epoch:02}` for at least two digits, `{val_loss:.4}` for four decimals. Default
   * `checkpoints/epoch-{epoch:03}`.
   */
  readonly path?: string;
  /** Save only when the monitored value improved. Default false. */
  readonly saveBestOnly?: boolean;
  /** With saveBestOnly: only what is better than this is saved. */
  readonly initialValueThreshold?: number;
}

/** Saves the model after every epoch, or after the best ones. Rules of Keras 3's ModelCheckpoint. */
export function modelCheckpoint(options: ModelCheckpointOptions = {}): Callback {
  const { path = 'checkpoints/epoch-{epoch:03}', saveBestOnly = false, initialValueThreshold } = options;
  const monitor = new Monitor('modelCheckpoint', options);
  return {
    onTrainBegin(control) {
      if (saveBestOnly) monitor.check(control);
      fillIn(path, 0, Object.fromEntries(control.logNames.map((name) => [name, 0])));
      monitor.reset();
      if (initialValueThreshold !== undefined) monitor.best = initialValueThreshold;
    },
    async onEpochEnd(epoch, logs, control) {
      if (saveBestOnly) {
        const value = monitor.read(logs);
        if (!monitor.isBetter(value, monitor.best)) return;
        monitor.best = value;
      }
      const filled = fillIn(path, epoch, logs);
      await control.saveModel(filled.startsWith('/') ? filled : join(control.out, filled));
    },
  };
}

/** @throws LockstepError job/invalid for a name that is not measured */
function fillIn(path: string, epoch: number, logs: Logs): string {
  return path.replaceAll(/\{(\w+)(?::(\.?)(\d+))?\}/g, (whole, name: string, dot?: string, digits?: string) => {
    const value = name === 'epoch' ? epoch + 1 : logs[name];
    if (value === undefined) {
      const known = ['epoch', ...Object.keys(logs)].join(', ');
      throw new LockstepError(
        'job/invalid',
        `modelCheckpoint: ${whole} in ${path} is not measured. Measured: ${known}.`,
      );
    }
    if (digits === undefined) return String(value);
    return dot === '.' ? value.toFixed(Number(digits)) : String(value).padStart(Number(digits), '0');
  });
}
