import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type Callback, flag, type TrainingControl } from '../../shared/job/index.ts';
import { checkOptions, words } from './options.ts';

export interface CSVLoggerOptions {
  /** Under the run's --out unless absolute. Default `training.csv`. */
  readonly path?: string;
  /** Default `,`. */
  readonly separator?: string;
  /** Go on after what the file holds instead of starting anew. Default false. */
  readonly append?: boolean;
}

const readers = { path: words, separator: words, append: flag };

/**
 * A line for each epoch: epoch (from 0), then everything measured, by name. The format of Keras's CSVLogger.
 * @throws LockstepError job/invalid for an option that it doesn't have or take
 */
export function csvLogger(options: CSVLoggerOptions = {}): Callback {
  checkOptions('csvLogger', readers, options);
  const { path = 'training.csv', separator = ',', append = false } = options;
  let file = path;
  let columns: readonly string[] = [];
  const open = ({ out, logNames }: TrainingControl): void => {
    file = isAbsolute(path) ? path : join(out, path);
    columns = [...logNames].sort();
    mkdirSync(dirname(file), { recursive: true });
  };
  return {
    onTrainResume: (_, control) => open(control),
    onTrainBegin(control) {
      open(control);
      if (!append) writeFileSync(file, `${['epoch', ...columns].join(separator)}\n`);
    },
    onEpochEnd(epoch, logs) {
      appendFileSync(file, `${[epoch, ...columns.map((name) => logs[name] ?? '')].join(separator)}\n`);
    },
  };
}
