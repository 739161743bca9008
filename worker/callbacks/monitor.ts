import { LockstepError, nearest } from '../../shared/core/index.ts';
import type { Logs, TrainingControl } from '../../shared/job/index.ts';

export interface MonitorOptions {
  /** A name in the logs. Default `val_loss`. */
  readonly monitor?: string;
  /** Whether less or more is better. Default `auto`: by the name. */
  readonly mode?: 'auto' | 'min' | 'max';
}

/** Names that say their direction: Keras asks the metric itself, of which there is only the name here. */
const greaterIsBetter = /accuracy|precision|recall|auc|f1|f_?beta|iou|r2|cosine_?similarity|specificity|true/i;
const lessIsBetter = /loss|error|entropy|divergence|hinge|poisson|log_?cosh|perplexity|false|^learning_rate$/i;

/**
 * Follows one measured value and knows when it improved, as Keras 3's MonitorCallback does: the first value always is
 * an improvement, and values are compared in float32.
 */
export class Monitor {
  readonly name: string;
  readonly #owner: string;
  readonly #sign: 1 | -1 | null;
  readonly #minDelta: number;
  readonly #start: number | null;
  #best: number | null;

  /**
   * @param owner the callback's name, for messages
   * @param minDelta a smaller change is no improvement
   * @param start only what is better than this is an improvement at first
   */
  constructor(
    owner: string,
    { monitor = 'val_loss', mode = 'auto' }: MonitorOptions,
    minDelta = 0,
    start: number | null = null,
  ) {
    this.#owner = owner;
    this.name = monitor;
    this.#sign = mode === 'auto' ? direction(monitor) : mode === 'max' ? -1 : 1;
    this.#minDelta = Math.abs(minDelta);
    this.#start = start;
    this.#best = start;
  }

  /** Null before the first value. */
  get best(): number | null {
    return this.#best;
  }

  reset(): void {
    this.#best = this.#start;
  }

  /** @throws LockstepError job/invalid for a value that this run does not measure, or whose direction nobody knows */
  check({ logNames }: TrainingControl): void {
    if (!logNames.includes(this.name)) throw this.#notMeasured(logNames);
    if (this.#sign !== null) return;
    throw new LockstepError(
      'job/invalid',
      `${this.#owner} monitors ${this.name}, whose name doesn't tell whether less or more is better; ` +
        "give mode: 'min' or mode: 'max'.",
    );
  }

  read(logs: Logs): number {
    return logs[this.name] ?? Number.NaN;
  }

  /** Whether `value` is the best one so far, which it then is for all that follow. */
  improves(value: number): boolean {
    if (this.#best !== null && !this.isBetter(value, this.#best)) return false;
    this.#best = value;
    return true;
  }

  /** Whether `value` is better than `reference` by more than the smallest change that counts. */
  isBetter(value: number, reference: number): boolean {
    return this.#sign === -1
      ? Math.fround(value - this.#minDelta) > Math.fround(reference)
      : Math.fround(value + this.#minDelta) < Math.fround(reference);
  }

  #notMeasured(logNames: readonly string[]): LockstepError {
    const hint =
      this.name.startsWith('val_') && !logNames.includes('val_loss') ? ' (the job has no data.validation)' : '';
    const close = nearest(this.name, logNames);
    const suggestion = close === undefined ? '' : `Did you mean ${close}? `;
    return new LockstepError(
      'job/invalid',
      `${this.#owner} monitors ${this.name}, which this run does not measure${hint}. ` +
        `${suggestion}Measured: ${logNames.join(', ')}.`,
    );
  }
}

/** Null for a name that tells nothing. */
export function isGreaterBetter(name: string): boolean | null {
  const sign = direction(name);
  return sign === null ? null : sign === -1;
}

function direction(name: string): 1 | -1 | null {
  if (lessIsBetter.test(name)) return 1;
  return greaterIsBetter.test(name) ? -1 : null;
}
