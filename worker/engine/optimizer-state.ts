import { LockstepError } from '../../shared/core/index.ts';
import type { OptimizerConfig } from '../../shared/job/index.ts';
import { variableOf } from './microstep.ts';
import { optimizerRule } from './optimizers/optimizer-rule.ts';
import type { OptimizerRule } from './optimizers/rule.ts';
import type { Bucket } from './plan-buckets.ts';
import { tf } from './tf.ts';

/** The optimizer of one model with its slots: one tensor per weight and slot, kept on the device. */
export class OptimizerState {
  readonly #rule: OptimizerRule;
  readonly #weights: readonly tf.LayerVariable[];
  /** [weight][slot] */
  #slots: tf.Tensor[][] = [];

  constructor(config: OptimizerConfig, weights: readonly tf.LayerVariable[]) {
    this.#rule = optimizerRule(config);
    this.#weights = weights;
    this.reset();
  }

  /** Sets every slot to zeros, as before the first step. */
  reset(): void {
    this.dispose();
    this.#slots = this.#weights.map((weight) =>
      this.#rule.slots.map(() => tf.keep(tf.zeros(weight.shape as number[]))),
    );
  }

  /** Moves every weight by its part of the flat gradients, one array per bucket. `step` counts from 0. */
  apply(buckets: readonly Bucket[], gradients: readonly Float32Array[], step: number): void {
    tf.tidy(() => {
      const scalars = this.#rule.scalarsAt(step).map((value) => tf.scalar(value, 'float32'));
      for (const [index, bucket] of buckets.entries()) {
        const flat = gradients[index];
        if (flat?.length !== bucket.length) {
          throw new LockstepError(
            'collective/corrupt',
            `the reduced bucket ${index} of step ${step} has ${flat?.length ?? 0} values instead of ${bucket.length}`,
          );
        }
        this.#applyBucket(bucket, flat, scalars);
      }
    });
  }

  #applyBucket(bucket: Bucket, flat: Float32Array, scalars: readonly tf.Scalar[]): void {
    let offset = 0;
    for (const member of bucket.members) {
      const weight = this.#weights[member] as tf.LayerVariable;
      const old = this.#slots[member] as tf.Tensor[];
      const { size } = weight.read();
      const gradient = tf.tensor(flat.subarray(offset, offset + size), weight.shape as number[]);
      offset += size;
      const update = this.#rule.update(gradient, old, scalars);
      // write, not assign: it applies the layer's constraint, as Keras does after every update.
      weight.write(tf.add(variableOf(weight), update.change));
      this.#slots[member] = update.slots.map((slot) => tf.keep(slot));
      tf.dispose(old);
    }
  }

  dispose(): void {
    tf.dispose(this.#slots);
    this.#slots = [];
  }
}
