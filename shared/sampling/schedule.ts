import { invariant } from '../core/index.ts';
import { Permutation } from './permutation.ts';

/** What fixes which samples a run consumes, and in which order. */
export interface SamplingPlan {
  /** Samples in the data set, ≥ 1. */
  readonly samples: number;
  /** Samples per step over all replicas; a multiple of `replicas` times `accumulate`. */
  readonly globalBatchSize: number;
  /** Microsteps of each replica in a step, one after the other; 1 when absent. */
  readonly accumulate?: number;
  readonly replicas: number;
  readonly seed: number;
  /** False keeps the order of the data set in every epoch. */
  readonly shuffle: boolean;
}

/** One replica's share of a step, or of a microstep of it. The batch has `rows` rows; those from `indices.length` on are padding. */
export interface ReplicaBatch {
  readonly rows: number;
  /** Sample numbers of the real rows, in order; may be empty in the last, short step of an epoch. */
  readonly indices: readonly number[];
}

export function stepsPerEpoch(plan: Pick<SamplingPlan, 'samples' | 'globalBatchSize'>): number {
  return Math.ceil(plan.samples / plan.globalBatchSize);
}

/** Steps count from 0 over the whole run; epochs count from 0. */
export function epochOfStep(plan: SamplingPlan, step: number): { epoch: number; stepInEpoch: number } {
  const perEpoch = stepsPerEpoch(plan);
  return { epoch: Math.floor(step / perEpoch), stepInEpoch: step % perEpoch };
}

/** Real samples in a step: the global batch size, or what is left for the last step of an epoch. */
export function samplesInStep(plan: SamplingPlan, step: number): number {
  const { stepInEpoch } = epochOfStep(plan, step);
  return Math.min(plan.globalBatchSize, plan.samples - stepInEpoch * plan.globalBatchSize);
}

/** Samples per microstep over all replicas: what `batchSize` is in a job. */
export function microstepBatchSize({ globalBatchSize, accumulate = 1 }: SamplingPlan): number {
  return globalBatchSize / accumulate;
}

/**
 * Microsteps of a replica that have samples, at least 1: all of them, but in the last step of an epoch. A step is
 * filled microstep by microstep, so these come first.
 */
export function filledMicrosteps(plan: SamplingPlan, step: number, replica: number): number {
  const batch = microstepBatchSize(plan);
  const others = replica * (batch / plan.replicas);
  return Math.max(1, Math.min(plan.accumulate ?? 1, Math.ceil((samplesInStep(plan, step) - others) / batch)));
}

/** The samples of replica `replica` in step `step`: a pure function of the plan, whoever computes it. */
export class Schedule {
  readonly plan: SamplingPlan;
  #permutation: { epoch: number; order: Permutation } | undefined;

  constructor(plan: SamplingPlan) {
    invariant(plan.samples >= 1, 'a sampling plan needs samples');
    const parts = plan.replicas * (plan.accumulate ?? 1);
    invariant(plan.globalBatchSize % parts === 0, 'replicas and their microsteps divide the global batch');
    this.plan = plan;
  }

  /** A step of k microsteps is k batches over all replicas, one after the other, as k steps without accumulation would be. */
  replicaBatch(step: number, replica: number, microstep = 0): ReplicaBatch {
    const { plan } = this;
    const { epoch, stepInEpoch } = epochOfStep(plan, step);
    const batch = microstepBatchSize(plan);
    const rows = batch / plan.replicas;
    const first = stepInEpoch * plan.globalBatchSize + microstep * batch + replica * rows;
    const end = Math.min(first + rows, plan.samples);
    const order = plan.shuffle ? this.#order(epoch) : undefined;
    const indices: number[] = [];
    for (let position = first; position < end; position++) {
      indices.push(order === undefined ? position : order.at(position));
    }
    return { rows, indices };
  }

  #order(epoch: number): Permutation {
    if (this.#permutation?.epoch !== epoch) {
      this.#permutation = { epoch, order: new Permutation(this.plan.samples, this.plan.seed, epoch) };
    }
    return this.#permutation.order;
  }
}
