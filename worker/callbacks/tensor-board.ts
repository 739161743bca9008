import { isAbsolute, join } from 'node:path';
import { type Callback, type Logs, reader, type TrainingControl } from '../../shared/job/index.ts';
import { checkOptions, words } from './options.ts';
import { EventFile } from './tensorboard/index.ts';

export interface TensorBoardOptions {
  /** Under the run's --out unless absolute. Default `logs`. */
  readonly logDir?: string;
  /** `epoch`, `batch`, or every how many batches the means of the epoch so far are written, too. Default `epoch`. */
  readonly updateFreq?: 'epoch' | 'batch' | number;
}

const readers = {
  logDir: words,
  updateFreq: reader(
    "'epoch', 'batch' or a whole number of at least 1",
    (value) => value === 'epoch' || value === 'batch' || (Number.isSafeInteger(value) && (value as number) >= 1),
  ),
};

/**
 * Writes everything measured for TensorBoard, with the names and places of Keras's callback: `epoch_loss`, … in
 * `train` and `validation` below the directory, by epoch from 0; `batch_loss`, … by batch from 1.
 * @throws LockstepError job/invalid for an option that it doesn't have or take
 */
export function tensorBoard(options: TensorBoardOptions = {}): Callback {
  checkOptions('tensorBoard', readers, options);
  const { logDir = 'logs', updateFreq = 'epoch' } = options;
  const every = updateFreq === 'epoch' ? Number.POSITIVE_INFINITY : updateFreq === 'batch' ? 1 : updateFreq;
  let training: EventFile | null = null;
  let validation: EventFile | null = null;
  let batches = 0;
  const open = ({ out, logNames }: TrainingControl): void => {
    const directory = isAbsolute(logDir) ? logDir : join(out, logDir);
    training = new EventFile(join(directory, 'train'), now());
    validation = logNames.includes('val_loss') ? new EventFile(join(directory, 'validation'), now()) : null;
    batches = 0;
  };
  return {
    onTrainBegin: open,
    // TensorBoard reads all files of a directory as one run.
    onTrainResume: (_, control) => open(control),
    onBatchEnd(_batch, logs) {
      batches++;
      if (batches % every === 0) training?.add({ step: batches, values: renamed(logs, 'batch_') }, now());
    },
    onEpochEnd(epoch, logs) {
      const { measured, validated } = split(logs);
      training?.add({ step: epoch, values: renamed(measured, 'epoch_') }, now());
      validation?.add({ step: epoch, values: renamed(validated, 'epoch_') }, now());
    },
    onTrainEnd() {
      training?.close();
      validation?.close();
    },
  };
}

function now(): number {
  return Date.now() / 1000;
}

/** What was measured on training data, and on validation data, the latter without its `val_`. */
function split(logs: Logs): { measured: Logs; validated: Logs } {
  const entries = Object.entries(logs);
  return {
    measured: Object.fromEntries(entries.filter(([name]) => !name.startsWith('val_'))),
    validated: Object.fromEntries(
      entries.flatMap(([name, value]) => (/^val_/.test(name) ? [[name.slice(4), value]] : [])),
    ),
  };
}

function renamed(logs: Logs, prefix: string): Logs {
  return Object.fromEntries(Object.entries(logs).map(([name, value]) => [`${prefix}${name}`, value]));
}
