import { LockstepError } from '../../../shared/core/index.ts';
import { tf } from '../tf.ts';
import { register, single, singleShape } from './registered-class.ts';

type Tensor = tf.Tensor;
type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;
type EmbeddingArgs = Parameters<typeof tf.layers.embedding>[0];

export interface PositionEmbeddingArgs extends LayerArgs {
  /** The longest sequence. */
  sequenceLength: number;
  initializer?: EmbeddingArgs['embeddingsInitializer'];
}

/** What a layer that gives each position its own values has in common. Masks pass. */
abstract class Positions extends tf.layers.Layer {
  constructor(args: LayerArgs) {
    super(args);
    this.supportsMasking = true;
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => {
      const x = single(inputs); // [batch, time, features]
      const [, time, features] = x.shape as [number, number, number];
      // The batch's size comes by broadcasting.
      return tf.add(tf.zerosLike(x), this.values(time, features));
    });
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return singleShape(inputShape);
  }

  /** [time, features] */
  protected abstract values(time: number, features: number): Tensor;
}

/**
 * Learned values of each position, [batch, time, features] like its input, to be added to an embedding of words. As
 * keras_hub's PositionEmbedding.
 */
export class PositionEmbedding extends Positions {
  static readonly className = 'PositionEmbedding';
  readonly #args: PositionEmbeddingArgs;
  #embeddings: tf.LayerVariable | undefined;

  constructor(args: PositionEmbeddingArgs) {
    super(args);
    if (!(Number.isSafeInteger(args.sequenceLength) && args.sequenceLength > 0)) {
      throw invalid(this.name, `sequenceLength must be a positive whole number, got ${args.sequenceLength}`);
    }
    this.#args = args;
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const [, time, features] = singleShape(inputShape);
    const { sequenceLength } = this.#args;
    if (typeof features !== 'number') throw invalid(this.name, 'its input must be [batch, time, features]');
    if (typeof time === 'number' && time > sequenceLength) {
      throw invalid(this.name, `its input has ${time} positions, more than its sequenceLength of ${sequenceLength}`);
    }
    const { embeddingsInitializer } = this.#embedding() as unknown as { embeddingsInitializer: never };
    this.#embeddings = this.addWeight('embeddings', [sequenceLength, features], 'float32', embeddingsInitializer);
    this.built = true;
  }

  protected override values(time: number, features: number): Tensor {
    const all = (this.#embeddings as tf.LayerVariable).read();
    return time === this.#args.sequenceLength ? all : tf.slice(all, [0, 0], [time, features]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const initializer = this.#embedding().getConfig()['embeddingsInitializer'] ?? null;
    return { ...super.getConfig(), sequenceLength: this.#args.sequenceLength, initializer };
  }

  /** Shows how tfjs-layers resolves an initializer. */
  #embedding(): tf.layers.Layer {
    const { initializer = 'glorotUniform' } = this.#args;
    return tf.layers.embedding({ inputDim: 1, outputDim: 1, embeddingsInitializer: initializer });
  }
}

export interface SinePositionEncodingArgs extends LayerArgs {
  maxWavelength?: number;
}

/**
 * Sine and cosine of each position (Vaswani et al., 2017, 3.5), [batch, time, features] like its input: feature i has
 * the angle position · maxWavelength^(−2 ⌊i / 2⌋ / features), even ones its sine, odd ones its cosine.
 */
export class SinePositionEncoding extends Positions {
  static readonly className = 'SinePositionEncoding';
  readonly #maxWavelength: number;

  constructor(args: SinePositionEncodingArgs) {
    super(args);
    this.#maxWavelength = args.maxWavelength ?? 10_000;
  }

  protected override values(time: number, features: number): Tensor {
    const values = Float32Array.from({ length: time * features }, (_, index) => {
      const feature = index % features;
      const angle = Math.floor(index / features) * this.#maxWavelength ** ((-2 * Math.floor(feature / 2)) / features);
      return feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    return tf.tensor2d(values, [time, features]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), maxWavelength: this.#maxWavelength };
  }
}

register(PositionEmbedding);
register(SinePositionEncoding);

function invalid(layer: string, problem: string): LockstepError {
  return new LockstepError('job/invalid', `layer ${layer}: ${problem}`, { details: { layer } });
}
