import type { tf } from './tf.ts';

let created = 0;

/** A variable of the user's own as a layer's weight: what tfjs-layers asks of one. The variable stays the user's. */
export class BoundWeight {
  readonly dtype = 'float32';
  readonly constraint = null;
  readonly shape: readonly number[];
  readonly id: number;
  readonly name: string;
  readonly originalName: string;
  readonly #variable: tf.Variable;

  constructor(name: string, variable: tf.Variable) {
    this.name = name;
    this.originalName = name;
    this.shape = variable.shape;
    // Ids of tfjs's own weights count upwards from 0.
    this.id = --created;
    this.#variable = variable;
  }

  get trainable(): boolean {
    return this.#variable.trainable;
  }

  set trainable(trainable: boolean) {
    this.#variable.trainable = trainable;
  }

  read(): tf.Variable {
    return this.#variable;
  }

  write(value: tf.Tensor): this {
    this.#variable.assign(value);
    return this;
  }

  dispose(): void {}
}
