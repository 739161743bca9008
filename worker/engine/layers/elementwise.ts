import { tf } from '../tf.ts';
import { register, registeredClass, single, singleShape } from './registered-class.ts';

type Tensor = tf.Tensor;
type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

export interface ReLUArgs extends LayerArgs {
  maxValue?: number | null;
  negativeSlope?: number;
  threshold?: number;
}

/** tfjs-layers' own, with Keras's other options: x from `threshold` to `maxValue`, below it negativeSlope · (x − threshold). */
export class ReLU extends registeredClass<object, ReLUArgs>('ReLU') {
  static readonly className = 'ReLU';
  readonly #negativeSlope: number;
  readonly #threshold: number;
  readonly #maxValue: number | null;

  constructor(args: ReLUArgs) {
    super(args);
    this.#negativeSlope = args.negativeSlope ?? 0;
    this.#threshold = args.threshold ?? 0;
    this.#maxValue = args.maxValue ?? null;
  }

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    const [slope, threshold] = [this.#negativeSlope, this.#threshold];
    if (slope === 0 && threshold === 0) return super.call(inputs, kwargs as never) as Tensor;
    return tf.tidy(() => {
      const x = single(inputs);
      // Its gradient is zero, where a comparison has none.
      const above = tf.step(tf.sub(x, threshold));
      const kept = tf.mul(x, above);
      const limited = this.#maxValue === null ? kept : tf.minimum(kept, this.#maxValue);
      if (slope === 0) return limited;
      return tf.add(limited, tf.mul(tf.mul(tf.sub(x, threshold), tf.sub(1, above)), slope));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), negativeSlope: this.#negativeSlope, threshold: this.#threshold };
  }
}

export interface ELUArgs extends LayerArgs {
  alpha?: number;
}

/** x above zero, alpha · (eˣ − 1) below. tfjs-layers' own knows alpha 1 alone. */
export class ELU extends tf.layers.Layer {
  static readonly className = 'ELU';
  readonly #alpha: number;

  constructor(args: ELUArgs) {
    super(args);
    this.#alpha = args.alpha ?? 1;
    this.supportsMasking = true;
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => {
      const x = single(inputs);
      if (this.#alpha === 1) return tf.elu(x);
      return tf.add(tf.relu(x), tf.mul(tf.elu(tf.neg(tf.relu(tf.neg(x)))), this.#alpha));
    });
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return singleShape(inputShape);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), alpha: this.#alpha };
  }
}

/** What tfjs-layers' merging layers leave to each of them. */
interface Merging {
  mergeFunction(inputs: Tensor[]): Tensor;
}

/** The first of two inputs less the second. */
export class Subtract extends registeredClass<Merging, object>('Add') {
  static readonly className = 'Subtract';

  override mergeFunction(inputs: Tensor[]): Tensor {
    const [a, b] = inputs as [Tensor, Tensor];
    return tf.sub(a, b);
  }
}

export interface SpatialDropoutArgs extends LayerArgs {
  rate: number;
}

/** Dropout of whole channels, [batch, height, width, channels]. */
export class SpatialDropout2D extends tf.layers.Layer {
  static readonly className = 'SpatialDropout2D';
  readonly #rate: number;
  /** Draws as the other random layers do. */
  readonly dropoutLayer: tf.layers.Layer;

  constructor(args: SpatialDropoutArgs) {
    super(args);
    this.#rate = args.rate;
    this.supportsMasking = true;
    this.dropoutLayer = tf.layers.dropout({ rate: args.rate, noiseShape: [null, 1, 1, null] as unknown as number[] });
  }

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    return this.dropoutLayer.call(inputs, kwargs as never) as Tensor;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return singleShape(inputShape);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), rate: this.#rate };
  }
}

for (const made of [ReLU, ELU, Subtract, SpatialDropout2D]) register(made);
