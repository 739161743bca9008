import { setImmediate } from 'node:timers/promises';
import type { CheckpointSettings } from '../../shared/config/index.ts';
import { type Clock, LockstepError, monotonicClock, nearest } from '../../shared/core/index.ts';
import { scalarsOf } from '../../shared/metrics/index.ts';
import type { CheckpointReport, EpochEnd, StepReport } from '../../shared/run/index.ts';
import { isGreaterBetter } from '../callbacks/index.ts';
import {
  type BestRule,
  type CheckpointOutcome,
  CheckpointWriter,
  type Facts,
  type NamedArray,
} from '../checkpoint/index.ts';
import type { NamedWeight, Trainer } from '../engine/index.ts';
import type { CheckpointProgress, EpochTally } from './epoch-tally.ts';

/** What decisions between epochs have come to (epoch-gate.ts). */
export interface DecidedState {
  readonly followed: number;
  readonly learningRate: number | null;
  readonly kept: readonly NamedWeight[] | null;
}

export interface CheckpointsOptions {
  readonly settings: CheckpointSettings & { readonly place: string };
  readonly best: BestRule | null;
  readonly identity: Facts;
  readonly environment: Facts;
  readonly stepsPerEpoch: number;
  /** Brought up to date by `committed`. */
  readonly tally: EpochTally;
  readonly trainer: Pick<Trainer, 'readState'>;
  /** Epochs that are over, as far as the coordinator told of them. */
  readonly history: () => readonly EpochEnd[];
  readonly decided: () => DecidedState | null;
  readonly tell: (report: CheckpointReport) => void;
  readonly clock?: Clock;
}

/**
 * When a run's state is copied, and what goes into a checkpoint. The state after a step is the same on all workers:
 * one of them, rank 0, writes it for all. The copy is taken between two steps; the rest goes on beside the training.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #clock: Clock;
  #writer: CheckpointWriter | undefined;
  #lastTakenMs: number;
  #pauses = new Map<number, number>();
  /** Of the last one that was written. */
  #written: { readonly step: number; readonly place: string } | undefined;
  #amended: number;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    this.#lastTakenMs = this.#clock.now();
    this.#amended = options.history().length;
  }

  /**
   * After a step, before what comes after an epoch: a run that goes on from there does that first. The run's last
   * step waits until its state is on the disk, which no later trouble can take away.
   */
  async committed(report: StepReport, isWriter: boolean): Promise<void> {
    const { step, last } = report;
    this.#options.tally.add(report);
    if (!isWriter) return;
    this.#amend();
    const steps = step + 1;
    if (last || this.#isDue(steps)) {
      // A replica alone goes from step to step on what its loader has ready, and hears of nothing else meanwhile.
      await setImmediate();
      this.#take(steps);
    }
    if (last) await this.#writer?.idle();
  }

  /** Where the state after `steps` steps is; empty if it was not written. */
  async finish(steps: number): Promise<string> {
    this.#amend();
    await this.#writer?.idle();
    return this.#written?.step === steps ? this.#written.place : '';
  }

  get tally(): EpochTally {
    return this.#options.tally;
  }

  async close(): Promise<void> {
    await this.#writer?.close();
  }

  #isDue(steps: number): boolean {
    const { settings, stepsPerEpoch } = this.#options;
    const { unit, count } = settings.every;
    if (unit === 'seconds') return this.#clock.now() - this.#lastTakenMs >= 1000 * count;
    return steps % (unit === 'steps' ? count : count * stepsPerEpoch) === 0;
  }

  #take(step: number): void {
    const started = this.#clock.now();
    const { trainer, tally, identity, environment, history, decided } = this.#options;
    const { weights, slots } = trainer.readState();
    const { kept = null, learningRate = null, followed = 0 } = decided() ?? {};
    const past = history().filter((end) => end.step < step);
    const progress: CheckpointProgress = { epoch: tally.sums, history: past, learningRate, followed };
    const groups = { weights, slots, ...(kept === null ? {} : { kept: kept.map(copyOf) }) };
    const measured = {};
    this.#writer ??= this.#openWriter();
    this.#pauses.set(step, (this.#clock.now() - started) / 1000);
    this.#writer.write({ step, identity, environment, measured, progress, groups });
    this.#lastTakenMs = this.#clock.now();
  }

  #openWriter(): CheckpointWriter {
    const { settings, best } = this.#options;
    const retention = { keep: settings.keep, best };
    return new CheckpointWriter({ location: settings.place, retention }, (outcome) => this.#done(outcome));
  }

  /** What an epoch came to is known only after its validation, when its checkpoint is there. */
  #amend(): void {
    const ends = this.#options.history();
    for (const end of ends.slice(this.#amended)) this.#writer?.amend(end.step, measuredIn(end));
    this.#amended = ends.length;
  }

  #done(outcome: CheckpointOutcome): void {
    const { step } = outcome;
    const pauseSeconds = this.#pauses.get(step) ?? 0;
    this.#pauses.delete(step);
    const nothing = { step, place: '', bytes: 0, seconds: 0, pauseSeconds, error: null };
    const { tell } = this.#options;
    switch (outcome.kind) {
      case 'written': {
        const { place, bytes, seconds } = outcome;
        this.#written = { step, place };
        tell({ ...nothing, result: 'written', place, bytes, seconds });
        return;
      }
      case 'failed':
        tell({ ...nothing, result: 'failed', error: outcome.error });
        return;
      case 'skipped':
        tell({ ...nothing, result: 'skipped' });
        return;
      default:
        outcome satisfies never;
    }
  }
}

function copyOf({ name, shape, values }: NamedWeight): NamedArray {
  return { name, shape, values: values.slice() };
}

function measuredIn({ loss, metrics, validation }: EpochEnd): Record<string, number> {
  const validated = validation === null ? {} : { loss: validation.loss, ...scalarsOf(validation.metrics) };
  return {
    loss,
    ...scalarsOf(metrics),
    ...Object.fromEntries(Object.entries(validated).map(([name, value]) => [`val_${name}`, value])),
  };
}

/** @param names that this run measures @throws LockstepError config/invalid */
export function bestRule(name: string | null, names: readonly string[]): BestRule | null {
  if (name === null) return null;
  const greater = isGreaterBetter(name);
  if (names.includes(name) && greater !== null) return { measured: name, isGreaterBetter: greater };
  const close = nearest(name, names);
  const problem = names.includes(name)
    ? 'whose name does not tell whether less or more is better'
    : `which this run does not measure${close === undefined ? '' : `. Did you mean ${close}?`}. Measured: ${names.join(', ')}`;
  throw new LockstepError('config/invalid', `--checkpoint-best ${name}, ${problem}`, { details: { name } });
}
