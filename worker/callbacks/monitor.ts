import { LockstepError, nearest } from '../../shared/core/index.ts';
import type { Logs, TrainingControl } from '../../shared/job/index.ts';

export interface MonitorOptions {
  /** A name in the logs. Default `val_loss`. */
  readonly monitor?: string;
  /** Whether less or more is better. Default `auto`: by the name. */
  readonly mode?: 'auto' | 'min' | 'max';
}

/** Metrics whose greater values are better; of everything else, less is. Keras's `auto`, for the metrics there are. */
const greaterIsBetter = /accuracy|precision|recall|auc|f1|f_?beta|iou|r2|cosinesimilarity/i;

/** Follows one measured value and knows when it improved. */
export class Monitor {
  readonly name: string;
  readonly #owner: string;
  readonly #sign: 1 | -1;
  readonly #minDelta: number;
  best = Number.POSITIVE_INFINITY;

  /**
   * @param owner the callback's name, for messages
   * @param minDelta a smaller change is no improvement
   */
  constructor(owner: string, { monitor = 'val_loss', mode = 'auto' }: MonitorOptions, minDelta = 0) {
    if (mode !== 'auto' && mode !== 'min' && mode !== 'max') {
      throw new LockstepError('job/invalid', `${owner}: mode must be 'auto', 'min' or 'max', got ${String(mode)}.`);
    }
    this.#owner = owner;
    this.name = monitor;
    const isGreater = mode === 'auto' ? greaterIsBetter.test(monitor) : mode === 'max';
    this.#sign = isGreater ? -1 : 1;
    this.#minDelta = Math.abs(minDelta);
    this.reset();
  }

  reset(): void {
    this.best = this.#sign * Number.POSITIVE_INFINITY;
  }

  /** @throws LockstepError job/invalid for a value that this run does not measure */
  check({ logNames }: TrainingControl): void {
    if (logNames.includes(this.name)) return;
    const hint =
      this.name.startsWith('val_') && !logNames.includes('val_loss') ? ' (the job has no data.validation)' : '';
    const close = nearest(this.name, logNames);
    const suggestion = close === undefined ? '' : `Did you mean ${close}? `;
    throw new LockstepError(
      'job/invalid',
      `${this.#owner} monitors ${this.name}, which this run does not measure${hint}. ` +
        `${suggestion}Measured: ${logNames.join(', ')}.`,
    );
  }

  read(logs: Logs): number {
    return logs[this.name] ?? Number.NaN;
  }

  /** Whether `value` is better than `reference` by more than the smallest change that counts. */
  isBetter(value: number, reference: number): boolean {
    return this.#sign * (reference - value) > this.#minDelta;
  }
}
