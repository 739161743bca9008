import { at, invariant, LockstepError } from '../../shared/core/index.ts';
import type { OptimizerConfig } from '../../shared/job/index.ts';
import { variableOf } from './microstep.ts';
import { clipFor } from './optimizers/clip-gradients.ts';
import { optimizerRule } from './optimizers/optimizer-rule.ts';
import type { OptimizerRule } from './optimizers/rule.ts';
import { stepNumbers } from './optimizers/step-numbers.ts';
import { decayOf } from './optimizers/weight-decay.ts';
import type { Bucket } from './plan-buckets.ts';
import { readFloats } from './read-tensor.ts';
import { tf } from './tf.ts';

/** The optimizer of one model with its slots: one tensor per weight and slot, kept on the device. */
export class OptimizerState {
  #config: OptimizerConfig;
  readonly #rule: OptimizerRule;
  readonly #weights: readonly tf.LayerVariable[];
  /** [weight][slot] */
  #slots: tf.Tensor[][] = [];

  constructor(config: OptimizerConfig, weights: readonly tf.LayerVariable[]) {
    this.#config = config;
    this.#rule = optimizerRule(config);
    this.#weights = weights;
    this.reset();
  }

  /** Of all slots. */
  get bytes(): number {
    return this.#slots.flat().reduce((bytes, slot) => bytes + 4 * slot.size, 0);
  }

  get slotNames(): readonly string[] {
    return this.#rule.slots;
  }

  /** Values of all slots, weight by weight. */
  readSlots(): Float32Array[] {
    return this.#slots.flat().map(readFloats);
  }

  /** As many and as long as `readSlots` gives; the arrays stay the caller's. */
  writeSlots(values: readonly Float32Array[]): void {
    this.dispose();
    const { slots } = this.#rule;
    this.#slots = this.#weights.map((weight, member) =>
      slots.map((_, slot) =>
        // A copy, because a tensor may live in the array that it was made of.
        tf.keep(tf.tensor(at(values, member * slots.length + slot).slice(), weight.shape as number[])),
      ),
    );
  }

  /** Sets every slot to what it was before the first step. */
  reset(): void {
    this.dispose();
    const start = this.#rule.slotStart ?? 0;
    this.#slots = this.#weights.map((weight) =>
      this.#rule.slots.map(() => tf.keep(tf.fill(weight.shape as number[], start))),
    );
  }

  setLearningRate(learningRate: number): void {
    this.#config = { ...this.#config, learningRate };
  }

  /** Moves every weight by its part of the flat gradients, one array per bucket. `step` counts from 0. */
  apply(buckets: readonly Bucket[], gradients: readonly Float32Array[], step: number): void {
    tf.tidy(() => {
      const [rate, ...scalars] = stepNumbers(this.#config, this.#rule, step).map((value) =>
        tf.scalar(value, 'float32'),
      );
      invariant(rate !== undefined, 'a step has a learning rate');
      const raw = this.#perWeight(buckets, gradients, step);
      const clip = clipFor(this.#config);
      const used = clip === null ? raw : clip(raw);
      for (const member of this.#weights.keys()) this.#move(member, at(used, member), rate, scalars);
    });
  }

  #perWeight(buckets: readonly Bucket[], gradients: readonly Float32Array[], step: number): tf.Tensor[] {
    const parts: tf.Tensor[] = [];
    for (const [index, bucket] of buckets.entries()) {
      const flat = gradients[index];
      if (flat?.length !== bucket.length) {
        throw new LockstepError(
          'collective/corrupt',
          `the reduced bucket ${index} of step ${step} has ${flat?.length ?? 0} values instead of ${bucket.length}`,
        );
      }
      let offset = 0;
      for (const member of bucket.members) {
        const weight = at(this.#weights, member);
        const { size } = weight.read();
        parts[member] = tf.tensor(flat.subarray(offset, offset + size), weight.shape as number[]);
        offset += size;
      }
    }
    return parts;
  }

  #move(member: number, gradient: tf.Tensor, rate: tf.Scalar, scalars: readonly tf.Scalar[]): void {
    const { weightDecay } = this.#config;
    const weight = at(this.#weights, member);
    const old = at(this.#slots, member);
    const update = this.#rule.update(gradient, old, scalars);
    const value = variableOf(weight);
    const left = weightDecay === undefined ? value : tf.sub(value, decayOf(value, weightDecay, rate));
    // write, not assign: it applies the layer's constraint, as Keras does after every update.
    weight.write(tf.add(left, update.change));
    this.#slots[member] = update.slots.map((slot) => tf.keep(slot));
    tf.dispose(old);
  }

  dispose(): void {
    tf.dispose(this.#slots);
    this.#slots = [];
  }
}
