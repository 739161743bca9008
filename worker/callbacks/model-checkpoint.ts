import { isAbsolute, join } from 'node:path';
import { LockstepError } from '../../shared/core/index.ts';
import { type Callback, flag, type Logs } from '../../shared/job/index.ts';
import { Monitor, type MonitorOptions } from './monitor.ts';
import { checkOptions, finite, monitorReaders, teller, type VerboseOptions, verbosity, words } from './options.ts';
import { remembering } from './replay.ts';

export interface ModelCheckpointOptions extends MonitorOptions, VerboseOptions {
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

const readers = {
  ...monitorReaders,
  path: words,
  saveBestOnly: flag,
  initialValueThreshold: finite,
  verbose: verbosity,
};

/**
 * Saves the model after every epoch, or after the best ones. Rules of Keras 3's ModelCheckpoint.
 * @throws LockstepError job/invalid for an option that it doesn't have or take
 */
export function modelCheckpoint(options: ModelCheckpointOptions = {}): Callback {
  checkOptions('modelCheckpoint', readers, options);
  const { path = 'checkpoints/epoch-{epoch:03}', saveBestOnly = false, initialValueThreshold = null } = options;
  const monitor = new Monitor('modelCheckpoint', options, 0, initialValueThreshold);
  const tell = teller(options.verbose ?? 0);
  return remembering({
    onTrainBegin(control) {
      if (saveBestOnly) monitor.check(control);
      fillIn(path, 0, Object.fromEntries(control.logNames.map((name) => [name, 0])));
      monitor.reset();
    },
    async onEpochEnd(epoch, logs, control) {
      if (saveBestOnly && !monitor.improves(monitor.read(logs))) {
        tell(`epoch ${epoch + 1}: ${monitor.name} did not improve from ${monitor.best}`);
        return;
      }
      const filled = fillIn(path, epoch, logs);
      const directory = isAbsolute(filled) ? filled : join(control.out, filled);
      await control.saveModel(directory);
      tell(`epoch ${epoch + 1}: saved the model to ${directory}`);
    },
  });
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
