import { BoundWeight } from '../bound-weight.ts';
import { variableOf } from '../microstep.ts';
import { tf } from '../tf.ts';

/**
 * A model that is kept to be recorded again, for another batch shape. Its weights live in the session, so in between
 * its own are given back; a recording depends on their shapes alone. Variables of the user's own stay as they are.
 */
export class WeightlessModel {
  readonly #model: tf.LayersModel;

  /** Owns the model from now on. */
  constructor(model: tf.LayersModel) {
    this.#model = model;
    this.#free();
  }

  /** Runs `fn` while the model's weights exist, as zeros. */
  withWeights<T>(fn: () => T): T {
    for (const weight of this.#own()) {
      const zeros = tf.zeros(weight.shape as number[]);
      (weight as unknown as { val: tf.Variable }).val = tf.variable(zeros, weight.trainable, weight.name, weight.dtype);
      zeros.dispose();
    }
    try {
      return fn();
    } finally {
      this.#free();
    }
  }

  #free(): void {
    for (const weight of this.#own()) variableOf(weight).dispose();
  }

  #own(): tf.LayerVariable[] {
    return this.#model.weights.filter((weight) => !((weight as unknown) instanceof BoundWeight));
  }
}
