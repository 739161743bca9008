import { LockstepError } from '../../shared/core/index.ts';
import type { Callback, Job, Logs, TrainingControl } from '../../shared/job/index.ts';
import { type MetricDefinition, metricValues, scalarNames, scalarsOf } from '../../shared/metrics/index.ts';
import type { EpochDecision, EpochEnd, StepReport } from '../../shared/run/index.ts';

export interface CallbackRunnerOptions {
  readonly callbacks: readonly Callback[];
  readonly learningRate: Job['optimizer']['learningRate'];
  readonly metrics: readonly MetricDefinition[];
  readonly hasValidation: boolean;
  readonly epochs: number;
  readonly out: string;
  readonly saveModel: (directory: string) => Promise<void>;
}

type Hook = Exclude<keyof Callback, 'onBatchEnd'>;

/** Runs a job's callbacks, on rank 0 alone, and gathers what they ask for into one decision for all workers. */
export class CallbackRunner implements TrainingControl {
  readonly epochs: number;
  readonly out: string;
  readonly logNames: readonly string[];
  readonly #options: CallbackRunnerOptions;
  #learningRate: CallbackRunnerOptions['learningRate'];
  #decision: EpochDecision = goOn(0);
  #isResuming = false;
  #batch = { samples: 0, lossSum: 0, metricSums: [] as readonly number[] };

  constructor(options: CallbackRunnerOptions) {
    const { epochs, out, metrics, hasValidation, learningRate } = options;
    this.#options = options;
    this.epochs = epochs;
    this.out = out;
    const measured = ['loss', ...scalarNames(metrics)];
    const validated = hasValidation ? measured.map((name) => `val_${name}`) : [];
    this.logNames = [...measured, ...validated, ...(typeof learningRate === 'number' ? ['learning_rate'] : [])];
    this.#learningRate = learningRate;
  }

  get learningRate(): number {
    if (typeof this.#learningRate === 'number') return this.#learningRate;
    throw new LockstepError(
      'job/invalid',
      "a callback asks for the learning rate, and the job's optimizer has a schedule, which is a function of the step; " +
        'give the optimizer a number as learningRate, or leave the callback out',
    );
  }

  setLearningRate(rate: number): void {
    const before = this.learningRate;
    if (!(rate >= 0 && Number.isFinite(rate))) {
      throw new LockstepError('job/invalid', `a callback set the learning rate to ${rate}; it was ${before}`);
    }
    if (rate === before) return;
    this.#learningRate = rate;
    this.#decision = { ...this.#decision, learningRate: rate };
  }

  stop(reason: string): void {
    const text = reason || 'a callback asked for it';
    this.#decision = { ...this.#decision, stop: this.#decision.stop ?? text };
  }

  keepWeights(): void {
    this.#decision = { ...this.#decision, keepWeights: true };
  }

  restoreWeights(): void {
    this.#decision = { ...this.#decision, restoreWeights: true };
  }

  saveModel(directory: string): Promise<void> {
    return this.#isResuming ? Promise.resolve() : this.#options.saveModel(directory);
  }

  /**
   * Takes over from a lost rank 0 after the epochs of `past`: callbacks that can get to know what they would have got to
   * know, and nothing that was decided or written then is so again.
   * @param learningRate that was decided on last; null where the job's own is still in use
   * @throws LockstepError job/threw
   */
  async resume(past: readonly EpochEnd[], learningRate: number | null): Promise<void> {
    this.#isResuming = true;
    const ends = past.map((end) => ({ epoch: end.epoch, logs: this.#logs(end) }));
    await this.#call('onTrainResume', (callback) => callback.onTrainResume?.(ends, this));
    // A callback need not have set it again, and a rate is decided on only where it is another one than before.
    if (learningRate !== null) this.#learningRate = learningRate;
    this.#isResuming = false;
  }

  /** Before the first epoch. @throws LockstepError job/threw */
  async begin(): Promise<EpochDecision> {
    await this.#call('onTrainBegin', (callback) => callback.onTrainBegin?.(this));
    await this.#call('onEpochBegin', (callback) => callback.onEpochBegin?.(0, this));
    return this.#decide();
  }

  /** @param isLast no epoch follows. @throws LockstepError job/threw */
  async endEpoch(end: EpochEnd, isLast: boolean): Promise<EpochDecision> {
    const { epoch } = end;
    const logs = this.#logs(end);
    this.#batch = { samples: 0, lossSum: 0, metricSums: [] };
    this.#decision = goOn(epoch + 1);
    await this.#call('onEpochEnd', (callback) => callback.onEpochEnd?.(epoch, logs, this));
    if (isLast || this.#decision.stop !== null) {
      await this.#call('onTrainEnd', (callback) => callback.onTrainEnd?.(this));
    } else {
      await this.#call('onEpochBegin', (callback) => callback.onEpochBegin?.(epoch + 1, this));
    }
    return this.#decide();
  }

  /** @throws LockstepError job/threw */
  async endBatch(batch: number, { samples, lossSum, metricSums }: StepReport): Promise<void> {
    if (!this.#options.callbacks.some((callback) => callback.onBatchEnd !== undefined)) return;
    const before = this.#batch;
    this.#batch = {
      samples: before.samples + samples,
      lossSum: before.lossSum + lossSum,
      metricSums: metricSums.map((sum, index) => sum + (before.metricSums[index] ?? 0)),
    };
    const { samples: seen, lossSum: loss, metricSums: sums } = this.#batch;
    const logs = { loss: loss / seen, ...scalarsOf(metricValues(this.#options.metrics, sums, seen)) };
    await this.#call('onBatchEnd', (callback) => callback.onBatchEnd?.(batch, logs));
  }

  #decide(): EpochDecision {
    const decision = this.#decision;
    // What was not asked to be kept now was asked for before: keeping comes before going back.
    return decision.restoreWeights && decision.keepWeights ? { ...decision, restoreWeights: false } : decision;
  }

  #logs({ loss, metrics, validation }: EpochEnd): Logs {
    const ofValidation = validation === null ? {} : { loss: validation.loss, ...scalarsOf(validation.metrics) };
    return {
      loss,
      ...scalarsOf(metrics),
      ...Object.fromEntries(Object.entries(ofValidation).map(([name, value]) => [`val_${name}`, value])),
      ...(typeof this.#learningRate === 'number' ? { learning_rate: this.#learningRate } : {}),
    };
  }

  async #call(hook: Hook | 'onBatchEnd', invoke: (callback: Callback) => void | Promise<void>): Promise<void> {
    for (const [index, callback] of this.#options.callbacks.entries()) {
      try {
        await invoke(callback);
      } catch (error) {
        throw LockstepError.from(error, 'job/threw', `${hook} of callbacks[${index}]: `);
      }
    }
  }
}

function goOn(epoch: number): EpochDecision {
  return { epoch, stop: null, learningRate: null, keepWeights: false, restoreWeights: false };
}
