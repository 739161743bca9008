import { invariant } from '../../shared/core/index.ts';
import type { EpochDecision, EpochEnd, StepReport } from '../../shared/run/index.ts';
import type { NamedWeight, Trainer } from '../engine/index.ts';
import type { CallbackRunner } from './callback-runner.ts';
import type { Link } from './link.ts';
import type { GenerationView } from './protocol.ts';

/** What decisions have come to, the same on all workers that followed as many. */
export interface GateState {
  /** Decisions followed: one before the first epoch, and one after each. */
  readonly followed: number;
  /** Why training is over. */
  readonly stopped: string | null;
  /** As the last decision about it set it; null leaves the optimizer's own. */
  readonly learningRate: number | null;
  readonly kept: readonly NamedWeight[] | null;
}

/**
 * Where all workers of a job with callbacks wait between epochs: rank 0 runs the callbacks on what the coordinator
 * summed up of the epoch, the coordinator keeps their decision and gives it to all, and all follow it before the same
 * step.
 */
export class EpochGate {
  readonly #link: Link;
  readonly #trainer: Trainer;
  readonly #createRunner: () => CallbackRunner;
  /** On rank 0 only. */
  #runner: CallbackRunner | null = null;
  #state: GateState = { followed: 0, stopped: null, learningRate: null, kept: null };
  /** Made for all, perhaps not followed by this worker yet. */
  #known: EpochDecision | null = null;
  /** This worker's own, which the coordinator may not have got. */
  #decided: EpochDecision | null = null;

  constructor(link: Link, trainer: Trainer, createRunner: () => CallbackRunner) {
    this.#link = link;
    this.#trainer = trainer;
    this.#createRunner = createRunner;
  }

  get state(): GateState {
    return this.#state;
  }

  /** As another worker has it, with the same weights. */
  set state(state: GateState) {
    this.#state = state;
    if (state.learningRate !== null) this.#trainer.setLearningRate(state.learningRate);
  }

  /** In each generation. A rank 0 that takes over goes on where the one before it was. */
  async enter({ rank, decision, history }: GenerationView): Promise<void> {
    this.#known = decision;
    if (rank !== 0) {
      this.#runner = null;
      return;
    }
    if (this.#runner !== null) return;
    this.#runner = this.#createRunner();
    if (decision === null) return;
    const { followed, learningRate } = this.#state;
    const due = decision.epoch >= followed ? decision.learningRate : null;
    await this.#runner.resume(
      history.filter(({ epoch }) => epoch < decision.epoch),
      due ?? learningRate,
    );
  }

  /** Before the first epoch, unless that is past. Whether training goes on. */
  async begin(): Promise<boolean> {
    if (this.#state.followed > 0) return this.#state.stopped === null;
    return this.#pass((runner) => runner.begin());
  }

  /** After a committed step. */
  async afterStep(batch: number, report: StepReport): Promise<void> {
    await this.#runner?.endBatch(batch, report);
  }

  /**
   * After an epoch and its validation, unless that is past. Whether training goes on, as far as callbacks are concerned.
   * @param epochs that are over
   */
  async end(epochs: number, isLast: boolean): Promise<boolean> {
    if (this.#state.followed > epochs) return this.#state.stopped === null;
    return this.#pass(async (runner) => runner.endEpoch(await this.#epochEnd(epochs - 1), isLast));
  }

  async #pass(decide: (runner: CallbackRunner) => Promise<EpochDecision>): Promise<boolean> {
    const { followed } = this.#state;
    if (this.#known?.epoch === followed) return this.#follow(this.#known);
    if (this.#runner !== null) {
      if (this.#decided?.epoch !== followed) this.#decided = await decide(this.#runner);
      this.#link.send({ kind: 'decided', decision: this.#decided });
    }
    return this.#follow(await this.#decision(followed));
  }

  /** A coordinator that was started again may tell of an epoch once more. */
  async #epochEnd(epoch: number): Promise<EpochEnd> {
    for (;;) {
      const { end } = await this.#link.receive('epochEnd');
      if (end.epoch === epoch) return end;
      invariant(end.epoch < epoch, 'epochs end in order');
    }
  }

  /** One that this worker followed in another generation may come once more. */
  async #decision(epoch: number): Promise<EpochDecision> {
    for (;;) {
      const { decision } = await this.#link.receive('decision');
      if (decision.epoch === epoch) return decision;
      invariant(decision.epoch < epoch, 'decisions come in order');
    }
  }

  #follow({ stop, learningRate, keepWeights, restoreWeights }: EpochDecision): boolean {
    if (learningRate !== null) this.#trainer.setLearningRate(learningRate);
    const before = this.#state;
    const kept = keepWeights ? this.#trainer.readWeights() : before.kept;
    if (restoreWeights && kept !== null) this.#trainer.writeWeights(kept);
    this.#state = {
      followed: before.followed + 1,
      stopped: before.stopped ?? stop,
      learningRate: learningRate ?? before.learningRate,
      kept,
    };
    return stop === null;
  }
}
