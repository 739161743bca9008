import type { Callback, Logs, TrainingControl } from '../../shared/job/index.ts';

/** What a callback asked for, where there is no run. */
export class RecordedControl implements TrainingControl {
  readonly epochs: number;
  readonly out: string;
  readonly logNames: readonly string[];
  learningRate: number;
  stopped: string | null = null;
  keptIn: number | null = null;
  restored: number | null = null;
  readonly savedIn: number[] = [];
  readonly savedTo: string[] = [];
  epoch = -1;

  constructor(options: { epochs: number; out?: string; logNames: readonly string[]; learningRate?: number }) {
    this.epochs = options.epochs;
    this.out = options.out ?? 'out';
    this.logNames = options.logNames;
    this.learningRate = options.learningRate ?? 0.1;
  }

  setLearningRate(rate: number): void {
    this.learningRate = rate;
  }
  stop(reason: string): void {
    this.stopped ??= reason;
  }
  keepWeights(): void {
    this.keptIn = this.epoch;
  }
  restoreWeights(): void {
    this.restored = this.keptIn;
  }
  async saveModel(directory: string): Promise<void> {
    this.savedIn.push(this.epoch);
    this.savedTo.push(directory);
  }
}

/** Drives a callback through `logs`, one for each epoch, until it ends training. @returns the rate after each epoch */
export async function drive(callback: Callback, control: RecordedControl, logs: readonly Logs[]): Promise<number[]> {
  const rates: number[] = [];
  await callback.onTrainBegin?.(control);
  for (const [epoch, measured] of logs.entries()) {
    control.epoch = epoch;
    await callback.onEpochBegin?.(epoch, control);
    await callback.onEpochEnd?.(epoch, measured, control);
    rates.push(control.learningRate);
    if (control.stopped !== null) break;
  }
  await callback.onTrainEnd?.(control);
  return rates;
}
