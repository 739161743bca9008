import { at, LockstepError } from '../../shared/core/index.ts';
import type { ModelOutput, NamedSlot, NamedWeight } from './engine.ts';
import { layersBelow } from './layer-tree.ts';
import { variableOf } from './microstep.ts';
import { readFloats } from './read-tensor.ts';
import { makeUnique, renameTexts, stableNames } from './stable-names.ts';
import { tf } from './tf.ts';

export type WeightDescription = Omit<NamedWeight, 'values'>;
export type SlotDescription = Omit<NamedSlot, 'values'>;

/** A model's weights and topology under names that are equal in every process (stable-names.ts). */
export class ModelWeights {
  /** tfjs's names in a text → stable ones. */
  readonly rename: (text: string) => string;
  readonly #model: tf.LayersModel;
  readonly #described: readonly WeightDescription[];

  constructor(model: tf.LayersModel) {
    this.#model = model;
    this.rename = stableNames(
      layersBelow(model).map((layer) => ({ name: layer.name, className: layer.getClassName() })),
    );
    const names = makeUnique(model.weights.map((weight) => this.rename(weight.originalName)));
    // Not the weights' own flags, which a layer that was frozen before it was built leaves as they are.
    const trained = new Set(model.trainableWeights);
    this.#described = model.weights.map((weight, index) => ({
      name: names[index] as string,
      shape: weight.shape as number[],
      trainable: trained.has(weight),
    }));
  }

  /** tfjs's `model.toJSON()`; a model loaded from it has weights of the names that `read` gives. */
  topology(): unknown {
    return renameTexts(this.#model.toJSON(null, false), this.rename);
  }

  outputs(): ModelOutput[] {
    return this.#model.outputs.map(({ sourceLayer, shape }) => ({
      name: this.rename(sourceLayer.name),
      shape: shape.slice(1),
    }));
  }

  /** In the model's order; stays true after the model is disposed. */
  describe(): readonly WeightDescription[] {
    return this.#described;
  }

  read(): NamedWeight[] {
    return this.#model.weights.map((weight, index) => ({
      ...(this.#described[index] as WeightDescription),
      values: readFloats(weight.read()),
    }));
  }

  /** The slots of `weights`, weight by weight: `slots` for each. */
  describeSlots(weights: readonly tf.LayerVariable[], slots: readonly string[]): SlotDescription[] {
    return weights.flatMap((weight) => {
      const { name, shape } = at(this.#described, this.#model.weights.indexOf(weight));
      return slots.map((slot) => ({ name: `${name}/${slot}`, shape }));
    });
  }

  /** @throws LockstepError checkpoint/mismatch */
  check(weights: readonly NamedWeight[]): void {
    checkFit('weight', weights, this.#described);
  }

  /** @throws LockstepError checkpoint/mismatch; then no weight has changed */
  write(weights: readonly NamedWeight[]): void {
    this.check(weights);
    const own = this.#model.weights;
    for (const [index, weight] of own.entries()) {
      const { values } = weights[index] as NamedWeight;
      // A copy, because a tensor may live in the array that it was made of.
      const tensor = tf.tensor(values.slice(), weight.shape as number[]);
      variableOf(weight).assign(tensor);
      tensor.dispose();
    }
  }
}

/** Whether `given` are the `own` ones, in their order. @throws LockstepError checkpoint/mismatch */
export function checkFit(kind: 'weight' | 'slot', given: readonly NamedSlot[], own: readonly SlotDescription[]): void {
  for (const [index, { name, shape }] of own.entries()) {
    const found = given[index];
    if (found === undefined) throw mismatch(`${kind} ${name} of the job's model is missing in the saved one`);
    if (found.name !== name) throw mismatch(`${kind} ${index} is ${found.name}, but ${name} in the job's model`);
    if (String(found.shape) !== String(shape)) {
      throw mismatch(`${kind} ${name} has shape [${found.shape}], but [${shape}] in the job's model`);
    }
    const size = shape.reduce((product, length) => product * length, 1);
    if (found.values.length !== size)
      throw mismatch(`${kind} ${name} has ${found.values.length} values instead of ${size}`);
  }
  const surplus = given[own.length];
  if (surplus !== undefined) throw mismatch(`${kind} ${surplus.name} is not in the job's model`);
}

function mismatch(what: string): LockstepError {
  return new LockstepError('checkpoint/mismatch', `${what}; load it with the job that it was saved by`);
}
