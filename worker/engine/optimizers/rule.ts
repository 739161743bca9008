import type { tf } from '../tf.ts';

/**
 * One optimizer: how a weight moves for a gradient. `update` is made of tf ops only, so that it can be traced; what
 * changes with the step comes in through `scalars`. Lockstep owns the slots (`slots` tensors of the weight's shape,
 * filled with `slotStart` at the start), because tfjs's own optimizers cannot save theirs exactly.
 */
export interface OptimizerRule {
  /** Names of the slots, for example Adam's `momentum` and `velocity`. */
  readonly slots: readonly string[];
  /** What slots hold before the first step; 0 if absent. */
  readonly slotStart?: number;
  /**
   * Numbers of step `step` (from 0) in the order in which `update` takes them; always as many.
   * @param rate the step's learning rate, a float32 value
   */
  scalarsAt(step: number, rate: number): readonly number[];
  update(gradient: tf.Tensor, slots: readonly tf.Tensor[], scalars: readonly tf.Scalar[]): WeightUpdate;
}

export interface WeightUpdate {
  /** To be added to the weight. */
  readonly change: tf.Tensor;
  /** The slots' new values, in the order of `slots`. */
  readonly slots: readonly tf.Tensor[];
}
