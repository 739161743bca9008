import { at, LockstepError } from '../../shared/core/index.ts';
import type { Batch, OnNonFinite } from '../../shared/job/index.ts';
import { filledMicrosteps, type SamplingPlan, Schedule } from '../../shared/sampling/index.ts';
import type { Log } from '../../shared/telemetry/index.ts';
import type { Contribution, Gradients, Trainer } from '../engine/index.ts';

/** After so many steps without an update training stands still: skipping one more would only hide it. */
const MAX_SKIPPED_IN_ROW = 10;
/** A message names so many samples; the error's details hold all. */
const NAMED_SAMPLES = 8;

export interface NonFiniteOptions {
  readonly policy: OnNonFinite;
  readonly trainer: Pick<Trainer, 'metricWidth' | 'sampleLosses'>;
  readonly plan: SamplingPlan;
  readonly log: Log;
}

/**
 * What becomes of a step whose loss or update is not finite: it ends the run, or all workers leave out its update.
 * They agree without asking each other, because each looks at the same reduced values.
 */
export class NonFiniteGuard {
  readonly #options: NonFiniteOptions;
  #skippedInRow = 0;

  constructor(options: NonFiniteOptions) {
    this.#options = options;
  }

  /** Whether a step may be computed and applied in one, which looks at the loss alone and only in order to stop. */
  get allowsWholeSteps(): boolean {
    return this.#options.policy === 'stop';
  }

  /**
   * Looks at a replica's own loss before its statistics leave: without them nobody can finish the step.
   * @param batch its last one that has samples
   * @throws LockstepError engine/non-finite, unless steps are skipped
   */
  checkReplica(lossSum: number, step: number, replica: number, batch: Batch): void {
    if (Number.isFinite(lossSum)) return;
    const error = this.#describe(String(lossSum), step, replica, batch);
    if (this.#options.policy === 'stop') throw error;
    this.#options.log.warn(error.message, error.details);
  }

  /**
   * Whether a reduced step is applied.
   * @throws LockstepError engine/non-finite after too many that are not
   */
  admits({ gradients, statistics }: Contribution, step: number): boolean {
    if (this.#options.policy === 'stop') return true;
    // Metrics may be anything; after them come the changes of moving averages.
    const changes = statistics.subarray(1 + this.#options.trainer.metricWidth);
    const isSound = Number.isFinite(statistics[0]) && areFinite(changes) && gradients.every(areFinite);
    this.#skippedInRow = isSound ? 0 : this.#skippedInRow + 1;
    if (this.#skippedInRow <= MAX_SKIPPED_IN_ROW) return isSound;
    throw new LockstepError(
      'engine/non-finite',
      `${this.#skippedInRow} steps in a row, up to step ${step}, had a loss or updates that are not finite: training ` +
        'diverged or the data holds such values; nothing is saved. Lower the learning rate, or clip gradients',
      { details: { step, skipped: this.#skippedInRow } },
    );
  }

  /**
   * What computes and applies the step of the only replica in one; its samples are named if it finds no finite loss.
   * @throws LockstepError engine/non-finite; what `compute` throws
   */
  explaining<T>(step: number, batch: Batch, compute: () => T): T {
    try {
      return compute();
    } catch (error) {
      if (!(error instanceof LockstepError) || error.code !== 'engine/non-finite') throw error;
      throw this.#describe(String(error.details['loss']), step, 0, batch);
    }
  }

  /** The loss of a replica, with the samples whose own loss is not finite. */
  #describe(lossSum: string, step: number, replica: number, batch: Batch): LockstepError {
    const { trainer, plan, policy } = this.#options;
    const schedule = new Schedule(plan);
    const filled = filledMicrosteps(plan, step, replica);
    const microsteps = Array.from(
      { length: filled },
      (_, index) => schedule.replicaBatch(step, replica, index).indices,
    );
    const losses = trainer.sampleLosses(batch);
    const culprits = at(microsteps, filled - 1).filter((_, row) => !Number.isFinite(losses[row]));
    const samples = microsteps.flat();
    const end = policy === 'stop' ? 'nothing of this step is kept' : 'this step changes no weights';
    return new LockstepError(
      'engine/non-finite',
      `the loss of step ${step} is ${lossSum} on replica ${replica}: ${cause(samples, culprits)}; ${end}`,
      { details: { step, replica, samples: culprits.length === 0 ? samples : culprits } },
    );
  }
}

function cause(samples: readonly number[], culprits: readonly number[]): string {
  if (culprits.length === 0) {
    return (
      `none of its samples (${listed(samples)}) has such a loss in evaluation, so it came from dropout, batch statistics ` +
      'or regularization; lower the learning rate'
    );
  }
  if (culprits.length === samples.length && samples.length > 1) {
    return `all of its samples (${listed(samples)}) have such a loss, so training diverged; lower the learning rate`;
  }
  return `of its ${samples.length} samples these have such a loss: ${listed(culprits)}; correct them, or leave them out`;
}

function listed(samples: readonly number[]): string {
  const more = samples.length - NAMED_SAMPLES;
  return samples.slice(0, NAMED_SAMPLES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** In bfloat16, an exponent of ones is that of infinity or no number. */
function areFinite(gradients: Gradients): boolean {
  if (gradients instanceof Float32Array) return gradients.every(Number.isFinite);
  return gradients.every((bits) => (bits & 0x7f80) !== 0x7f80);
}
