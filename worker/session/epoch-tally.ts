import type { EpochEnd, EpochSums, ResumePoint, StepReport } from '../../shared/run/index.ts';

export type StepSums = Pick<StepReport, 'samples' | 'lossSum' | 'metricSums' | 'stepSeconds'>;

/** What the steps of the epoch in progress have come to: the same sums, in the same order, on every worker. */
export class EpochTally {
  readonly #stepsPerEpoch: number;
  #sums: EpochSums;

  constructor(stepsPerEpoch: number, resume: Pick<ResumePoint, 'epoch'> | null) {
    this.#stepsPerEpoch = stepsPerEpoch;
    this.#sums = resume?.epoch ?? emptySums(0);
  }

  /** Of the epoch of the last step, also when that step ended it. */
  get sums(): EpochSums {
    return this.#sums;
  }

  /** As another worker has it. */
  set sums(sums: EpochSums) {
    this.#sums = sums;
  }

  add({ samples, lossSum, metricSums, stepSeconds }: StepSums): void {
    const before = this.#sums.steps < this.#stepsPerEpoch ? this.#sums : emptySums(this.#sums.epoch + 1);
    this.#sums = {
      epoch: before.epoch,
      steps: before.steps + 1,
      samples: before.samples + samples,
      lossSum: before.lossSum + lossSum,
      metricSums: metricSums.map((sum, index) => sum + (before.metricSums[index] ?? 0)),
      seconds: before.seconds + stepSeconds,
    };
  }
}

function emptySums(epoch: number): EpochSums {
  return { epoch, steps: 0, samples: 0, lossSum: 0, metricSums: [], seconds: 0 };
}

/** What a checkpoint keeps of where the run stands, beside its arrays. */
export interface CheckpointProgress {
  readonly epoch: EpochSums;
  /** Epochs that were over before. */
  readonly history: readonly EpochEnd[];
  /** As callbacks set it; null leaves the optimizer's own. */
  readonly learningRate: number | null;
  /** Decisions between epochs that were followed. */
  readonly followed: number;
}
