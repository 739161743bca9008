import { tf } from '../tf.ts';
import { register, registeredClass, single, singleShape } from './registered-class.ts';

type Tensor = tf.Tensor;
type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/** Both ends, or one number for each. */
type Ends = number | readonly [number, number];

function ends(given: Ends | undefined): readonly [number, number] {
  return typeof given === 'object' ? given : [given ?? 1, given ?? 1];
}

/** [batch, time, features] → [batch, other time, features]. */
export abstract class Retimed extends tf.layers.Layer {
  protected abstract retime(time: number): number;

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch = null, time = null, ...features] = singleShape(inputShape);
    return [batch, time === null ? null : this.retime(time), ...features];
  }
}

export interface ZeroPadding1DArgs extends LayerArgs {
  /** Steps of zeros before and after. */
  padding?: Ends;
}

export class ZeroPadding1D extends Retimed {
  static readonly className = 'ZeroPadding1D';
  readonly #padding: readonly [number, number];

  constructor(args: ZeroPadding1DArgs) {
    super(args);
    this.#padding = ends(args.padding);
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.pad(single(inputs), [[0, 0], [...this.#padding], [0, 0]]);
  }

  protected override retime(time: number): number {
    return time + this.#padding[0] + this.#padding[1];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), padding: [...this.#padding] };
  }
}

export interface Cropping1DArgs extends LayerArgs {
  /** Steps that are taken away at the start and at the end. */
  cropping?: Ends;
}

export class Cropping1D extends Retimed {
  static readonly className = 'Cropping1D';
  readonly #cropping: readonly [number, number];

  constructor(args: Cropping1DArgs) {
    super(args);
    this.#cropping = ends(args.cropping);
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    const x = single(inputs);
    const [batch, time, features] = x.shape as [number, number, number];
    return tf.slice(x, [0, this.#cropping[0], 0], [batch, this.retime(time), features]);
  }

  protected override retime(time: number): number {
    return time - this.#cropping[0] - this.#cropping[1];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), cropping: [...this.#cropping] };
  }
}

/** tfjs-layers' own refuses masked sequences: here the mean is over the steps that are not masked. */
export class GlobalAveragePooling1D extends registeredClass<object, object>('GlobalAveragePooling1D') {
  static readonly className = 'GlobalAveragePooling1D';

  constructor(args: object) {
    super(args);
    this.supportsMasking = true;
  }

  override call(inputs: Tensor | Tensor[], kwargs: { mask?: Tensor | Tensor[] | null }): Tensor {
    const [mask = null] = [kwargs?.mask ?? null].flat();
    if (mask === null) return super.call(inputs, kwargs) as Tensor;
    return tf.tidy(() => {
      const known = tf.expandDims(tf.cast(mask, 'float32'), 2); // [batch, time, 1]
      return tf.div(tf.sum(tf.mul(single(inputs), known), 1), tf.sum(known, 1));
    });
  }

  override computeMask(): Tensor {
    return null as unknown as Tensor;
  }
}

for (const made of [ZeroPadding1D, Cropping1D, GlobalAveragePooling1D]) register(made);
