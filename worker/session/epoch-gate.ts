import type { EpochDecision, StepReport } from '../../shared/run/index.ts';
import type { NamedWeight, Trainer } from '../engine/index.ts';
import type { CallbackRunner } from './callback-runner.ts';
import type { Link } from './link.ts';

/**
 * Where all workers of a job with callbacks wait between epochs: rank 0 runs the callbacks on what the coordinator
 * summed up of the epoch, the coordinator keeps their decision and gives it to all, and all follow it before the same
 * step.
 */
export class EpochGate {
  readonly #link: Link;
  readonly #trainer: Trainer;
  /** On rank 0 only. */
  readonly #runner: CallbackRunner | null;
  #kept: readonly NamedWeight[] | null = null;

  constructor(link: Link, trainer: Trainer, runner: CallbackRunner | null) {
    this.#link = link;
    this.#trainer = trainer;
    this.#runner = runner;
  }

  /** Before the first epoch. Whether training goes on. */
  async begin(): Promise<boolean> {
    if (this.#runner !== null) this.#link.send({ kind: 'decided', decision: await this.#runner.begin() });
    return this.#follow();
  }

  /** After a committed step. */
  async afterStep(batch: number, report: StepReport): Promise<void> {
    await this.#runner?.endBatch(batch, report);
  }

  /** After an epoch and its validation. Whether training goes on, as far as callbacks are concerned. */
  async end(isLast: boolean): Promise<boolean> {
    if (this.#runner !== null) {
      const { end } = await this.#link.receive('epochEnd');
      this.#link.send({ kind: 'decided', decision: await this.#runner.endEpoch(end, isLast) });
    }
    return this.#follow();
  }

  async #follow(): Promise<boolean> {
    const { decision } = await this.#link.receive('decision');
    this.#apply(decision);
    return decision.stop === null;
  }

  #apply({ learningRate, keepWeights, restoreWeights }: EpochDecision): void {
    if (learningRate !== null) this.#trainer.setLearningRate(learningRate);
    if (keepWeights) this.#kept = this.#trainer.readWeights();
    if (restoreWeights && this.#kept !== null) this.#trainer.writeWeights(this.#kept);
  }
}
