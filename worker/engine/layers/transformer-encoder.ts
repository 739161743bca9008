import { LockstepError } from '../../../shared/core/index.ts';
import { tf } from '../tf.ts';
import type { ActivationIdentifier } from './activations.ts';
import { savedActivation } from './activations.ts';
import { checkGiven } from './given-options.ts';
import { MultiHeadAttention } from './multi-head-attention.ts';

type Symbolic = tf.SymbolicTensor;

/** keras_hub's options and defaults; `useCausalMask` makes it the block of a language model. */
export interface TransformerEncoderArgs {
  /** Of the dense layer between. */
  intermediateDim: number;
  numHeads: number;
  dropout?: number;
  activation?: ActivationIdentifier;
  layerNormEpsilon?: number;
  /** Whether normalization comes before attention and dense layers, not after their sums. */
  normalizeFirst?: boolean;
  useCausalMask?: boolean;
  /** The layers are called `name_attention` and so on. */
  name?: string;
}

/** A block of layers, used like one: each call makes layers of its own. */
export interface Block {
  apply(inputs: Symbolic): Symbolic;
}

/**
 * Self-attention and two dense layers, each with dropout, a sum with its input and layer normalization (Vaswani et al.,
 * 2017, 3.1). Made of plain layers: they are in the model's summary, and exported to Keras, one by one.
 */
export function transformerEncoder(args: TransformerEncoderArgs): Block {
  checkGiven('transformerEncoder', args);
  return {
    apply(inputs) {
      const features = inputs.shape.at(-1);
      if (inputs.shape.length !== 3 || typeof features !== 'number') {
        throw new LockstepError(
          'job/invalid',
          `layers.transformerEncoder: its input must be [batch, time, features], got [${inputs.shape.join(', ')}]`,
        );
      }
      const { normalizeFirst = false } = args;
      const steps = [attentionSteps(args, features), feedForwardSteps(args, features)];
      return steps.reduce((x, [norm, ...layers]) => {
        const inner = follow(x, normalizeFirst ? [norm, ...layers] : layers);
        const sum = tf.layers.add().apply([x, inner]) as Symbolic;
        return normalizeFirst ? sum : follow(sum, [norm]);
      }, inputs);
    },
  };
}

type Steps = readonly [tf.layers.Layer, ...tf.layers.Layer[]];

function attentionSteps(args: TransformerEncoderArgs, features: number): Steps {
  const { numHeads, dropout = 0, useCausalMask = false } = args;
  const keyDim = Math.floor(features / numHeads);
  const attention = new MultiHeadAttention({
    ...{ numHeads, keyDim, dropout, useCausalMask },
    ...named(args, 'attention'),
  });
  return [normalization(args, 'attention_norm'), attention, ...dropoutOf(dropout)];
}

function feedForwardSteps(args: TransformerEncoderArgs, features: number): Steps {
  const { intermediateDim, dropout = 0, activation = 'relu' } = args;
  const kernelInitializer = 'glorotUniform';
  const between = savedActivation(activation) as 'relu';
  return [
    normalization(args, 'feedforward_norm'),
    tf.layers.dense({ units: intermediateDim, activation: between, kernelInitializer, ...named(args, 'intermediate') }),
    tf.layers.dense({ units: features, kernelInitializer, ...named(args, 'output') }),
    ...dropoutOf(dropout),
  ];
}

function normalization(args: TransformerEncoderArgs, part: string): tf.layers.Layer {
  return tf.layers.layerNormalization({ epsilon: args.layerNormEpsilon ?? 1e-5, ...named(args, part) });
}

function dropoutOf(rate: number): tf.layers.Layer[] {
  return rate > 0 ? [tf.layers.dropout({ rate })] : [];
}

function named({ name }: TransformerEncoderArgs, part: string): { name?: string } {
  return name === undefined ? {} : { name: `${name}_${part}` };
}

function follow(x: Symbolic, layers: readonly tf.layers.Layer[]): Symbolic {
  return layers.reduce((value, layer) => layer.apply(value) as Symbolic, x);
}
