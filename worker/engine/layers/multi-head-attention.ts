import { LockstepError } from '../../../shared/core/index.ts';
import { tf } from '../tf.ts';
import { attend } from './attend.ts';
import { register } from './registered-class.ts';
import { maskOf } from './tensor-masks.ts';
import { ResolvedWeightOptions, type WeightOptions } from './weight-options.ts';

type Tensor = tf.Tensor;
type Symbolic = tf.SymbolicTensor;
type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/** Keras 3's options and defaults. */
export interface MultiHeadAttentionArgs extends LayerArgs, WeightOptions {
  numHeads: number;
  /** Size of each head's queries and keys. */
  keyDim: number;
  /** Size of each head's values; the same as `keyDim` by default. */
  valueDim?: number;
  /** Of the attention's probabilities, in training. */
  dropout?: number;
  useBias?: boolean;
  /** Features of the output; those of the query by default. */
  outputShape?: number;
  /** No position attends to later ones. In Keras an argument of the call. */
  useCausalMask?: boolean;
}

export interface AttentionCall {
  /** [batch, queries, keys], or what broadcasts to it: 1 where a query may attend to a key, else 0. */
  readonly attentionMask?: Tensor | Symbolic;
}

const parts = ['query', 'key', 'value', 'attention_output'] as const;

/**
 * Attention of several heads (Vaswani et al., 2017), on matrix products, which have gradients in TensorFlow.js. Called on
 * one sequence, which then attends to itself, or on [query, value] or [query, value, key], each [batch, time, features].
 * Masks of the sequences (padding) are honoured, as in Keras.
 */
export class MultiHeadAttention extends tf.layers.Layer {
  static readonly className = 'MultiHeadAttention';
  readonly #args: MultiHeadAttentionArgs;
  readonly #options: ResolvedWeightOptions;
  /** A layer, so that it draws as the other random layers do. */
  readonly dropoutLayer: tf.layers.Layer | null;
  #kernels: readonly tf.LayerVariable[] = [];
  #biases: readonly tf.LayerVariable[] = [];

  constructor(args: MultiHeadAttentionArgs) {
    super(args);
    const { numHeads, keyDim, valueDim, dropout = 0 } = args;
    for (const [name, value] of Object.entries({ numHeads, keyDim, valueDim: valueDim ?? keyDim })) {
      if (Number.isSafeInteger(value) && value > 0) continue;
      throw this.#invalid(`${name} must be a positive whole number, got ${value}`);
    }
    this.#args = args;
    this.#options = new ResolvedWeightOptions(args);
    this.dropoutLayer = dropout > 0 ? tf.layers.dropout({ rate: dropout }) : null;
    this.supportsMasking = true;
  }

  /** An attention mask becomes the fourth input. */
  override apply(
    inputs: Tensor | Tensor[] | Symbolic | Symbolic[],
    kwargs: AttentionCall & Record<string, unknown> = {},
  ): Tensor | Tensor[] | Symbolic | Symbolic[] {
    const { attentionMask, ...others } = kwargs;
    if (attentionMask === undefined) return super.apply(inputs, others);
    const [query, value = query, key = value] = [inputs].flat() as [Tensor, Tensor?, Tensor?];
    return super.apply([query, value, key, attentionMask as Tensor] as Tensor[], others);
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const [query, value = query, key = value] = shapesOf(inputShape);
    for (const shape of [query, value, key]) {
      if (shape.length === 3 && typeof shape[2] === 'number') continue;
      throw this.#invalid(`its inputs must be [batch, time, features], got [${shape.join(', ')}]`);
    }
    const { numHeads, keyDim, valueDim = keyDim, useBias = true, outputShape } = this.#args;
    const features = [query, key, value].map((shape) => shape[2] as number);
    const out = outputShape ?? (features[0] as number);
    const shapes = [
      ...[keyDim, keyDim, valueDim].map((size, index) => [features[index] as number, numHeads, size]),
      [numHeads, valueDim, out],
    ];
    const [kernels, biases]: [tf.LayerVariable[], tf.LayerVariable[]] = [[], []];
    for (const [index, part] of parts.entries()) {
      const shape = shapes[index] as number[];
      kernels.push(this.addWeight(`${part}/kernel`, shape, 'float32', ...this.#options.of('kernel')));
      if (!useBias) continue;
      const biasShape = part === 'attention_output' ? [out] : shape.slice(1);
      biases.push(this.addWeight(`${part}/bias`, biasShape, 'float32', ...this.#options.of('bias')));
    }
    this.#kernels = kernels;
    this.#biases = biases;
    this.built = true;
  }

  /** Its weights by what they project, as Keras keeps them. */
  get parts(): readonly { readonly name: string; readonly weights: tf.LayerVariable[] }[] {
    return parts.map((name, index) => {
      const bias = this.#biases[index];
      const kernel = this.#kernels[index] as tf.LayerVariable;
      return { name, weights: bias === undefined ? [kernel] : [kernel, bias] };
    });
  }

  override call(inputs: Tensor | Tensor[], kwargs: { training?: boolean }): Tensor {
    return tf.tidy(() => {
      const [query, value = query, key = value, attentionMask] = [inputs].flat() as [Tensor, Tensor?, Tensor?, Tensor?];
      const { keyDim, useCausalMask = false } = this.#args;
      const dropout = this.dropoutLayer;
      return attend({
        sequences: [query, key, value],
        kernels: this.#kernels.map((kernel) => kernel.read()),
        biases: this.#biases.map((bias) => bias.read()),
        scale: 1 / Math.sqrt(keyDim),
        ...{ attentionMask: attentionMask ?? null, causal: useCausalMask, zeroWhereNone: dropout !== null },
        masks: [query, key, value].map(maskOf),
        drop: (probabilities) =>
          dropout === null
            ? probabilities
            : (dropout.call(probabilities, { training: kwargs.training ?? false }) as Tensor),
      });
    });
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [query] = shapesOf(inputShape);
    return [...query.slice(0, -1), this.#args.outputShape ?? (query.at(-1) as number)];
  }

  override computeMask(_inputs: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor {
    return [mask ?? null].flat()[0] as Tensor;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { numHeads, keyDim, valueDim, dropout, useBias, outputShape, useCausalMask } = this.#args;
    return {
      ...super.getConfig(),
      ...{ numHeads, keyDim, valueDim: valueDim ?? keyDim, dropout: dropout ?? 0, useBias: useBias ?? true },
      ...{ outputShape: outputShape ?? null, useCausalMask: useCausalMask ?? false },
      ...this.#options.config,
    };
  }

  #invalid(problem: string): LockstepError {
    return new LockstepError('job/invalid', `layer ${this.name}: ${problem}`, { details: { layer: this.name } });
  }
}

register(MultiHeadAttention);

function shapesOf(shape: tf.Shape | tf.Shape[]): [tf.Shape, tf.Shape?, tf.Shape?] {
  return (Array.isArray(shape[0]) ? shape : [shape]) as [tf.Shape, tf.Shape?, tf.Shape?];
}
