import { type SamplingPlan, samplesInStep } from '../../shared/sampling/index.ts';
import type { BatchLoader } from '../data/index.ts';
import type { Contribution, Trainer } from '../engine/index.ts';

/** Milliseconds of one step's phases, and when it began on the clock of `performance.now()`. */
export interface StepPhases {
  readonly step: number;
  readonly startMilliseconds: number;
  readonly data: number;
  readonly forwardBackward: number;
  readonly apply: number;
}

export interface MeasuredSteps {
  readonly phases: readonly StepPhases[];
  /** Mean loss of each step. */
  readonly losses: readonly number[];
  /** The last step's call of `forwardBackward`, to be made again, and what it gave. */
  readonly repeat: () => Contribution;
  readonly last: Contribution;
}

/** Trains `steps` steps of a run of one replica, phase by phase. */
export async function measureSteps(
  trainer: Trainer,
  loader: BatchLoader,
  plan: SamplingPlan,
  steps: number,
): Promise<MeasuredSteps> {
  loader.start({ plan, replicas: { start: 0, end: 1 }, firstStep: 0, endStep: steps, isTraining: true });
  const phases: StepPhases[] = [];
  const losses: number[] = [];
  for (let step = 0; ; step++) {
    const started = performance.now();
    const { batch } = await loader.next();
    const got = performance.now();
    const globalSamples = samplesInStep(plan, step);
    const microstep = { step, replica: 0, replicas: 1, globalSamples };
    const contribution = trainer.forwardBackward(batch, microstep);
    const computed = performance.now();
    losses.push((contribution.statistics[0] ?? Number.NaN) / globalSamples);
    trainer.apply(contribution, step);
    const applied = performance.now();
    phases.push({
      step,
      startMilliseconds: started,
      data: got - started,
      forwardBackward: computed - got,
      apply: applied - computed,
    });
    if (step + 1 >= steps) {
      return { phases, losses, last: contribution, repeat: () => trainer.forwardBackward(batch, microstep) };
    }
    loader.recycle(batch);
  }
}

/** The first steps find caches cold and TensorFlow still to prepare its graph. */
export function withoutWarmUp(phases: readonly StepPhases[]): readonly StepPhases[] {
  const warmUp = Math.min(3, Math.floor(phases.length / 2));
  return phases.slice(warmUp);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
