import type { tf } from '../tf.ts';
import type { ActivationIdentifier } from './activations.ts';
import type { GroupedArgs } from './convolutions.ts';
import type { ELUArgs, ReLUArgs, SpatialDropoutArgs } from './elementwise.ts';
import type { MultiHeadAttention, MultiHeadAttentionArgs } from './multi-head-attention.ts';
import type { PositionEmbeddingArgs, SinePositionEncodingArgs } from './positions.ts';
import type { Cropping1DArgs, ZeroPadding1DArgs } from './sequences.ts';
import type { transformerEncoder } from './transformer-encoder.ts';
import type { UpSampling1DArgs } from './up-sampling.ts';

type Tfjs = typeof tf.layers;

/** Called on a model's tensors, a layer gives one; with `returnState` it gives several, which TypeScript must be told. */
export interface Applied {
  apply(
    inputs: tf.SymbolicTensor | tf.SymbolicTensor[],
    options?: Readonly<Record<string, unknown>>,
  ): tf.SymbolicTensor;
}

type Layer = Applied & tf.layers.Layer;

type Activated = 'activation' | 'recurrentActivation';

/** Options with activations as Lockstep has them; those in `Defaulted` may be left away. */
type Options<Args, Defaulted extends PropertyKey> = {
  [Key in keyof Args as Key extends Defaulted ? never : Key]: Key extends Activated ? ActivationIdentifier : Args[Key];
} & { [Key in keyof Args as Key extends Defaulted ? Key : never]?: Args[Key] };

type MayBeEmpty<Args> = Partial<Args> extends Args ? true : false;

/** A function that makes layers; its argument may be left away where no option is needed. */
type Factory<Args, Made = Layer, Defaulted extends PropertyKey = never> =
  MayBeEmpty<Options<Args, Defaulted>> extends true
    ? (options?: Options<Args, Defaulted>) => Made
    : (options: Options<Args, Defaulted>) => Made;

type ArgsOf<Name extends keyof Tfjs> = Tfjs[Name] extends (args: infer Args) => unknown ? NonNullable<Args> : never;

/** As `tf.layers` has it, with options of Lockstep's besides. */
type Same<Name extends keyof Tfjs, Own = unknown, Defaulted extends PropertyKey = never> = Factory<
  ArgsOf<Name> & Own,
  Layer,
  Defaulted
>;

type Recurrent<Name extends keyof Tfjs, Own = unknown> = Factory<ArgsOf<Name> & Own, Applied & tf.RNN>;

/** Keras 3's layers by name; docs/layers.md has the table. */
export interface Layers {
  readonly dense: Same<'dense'>;
  readonly embedding: Same<'embedding'>;
  readonly flatten: Same<'flatten'>;
  readonly reshape: Same<'reshape'>;
  readonly permute: Same<'permute'>;
  readonly repeatVector: Same<'repeatVector'>;
  readonly masking: Same<'masking'>;
  readonly rescaling: Same<'rescaling'>;
  readonly activation: Same<'activation'>;

  readonly conv1d: Same<'conv1d', GroupedArgs>;
  readonly conv2d: Same<'conv2d', GroupedArgs>;
  readonly conv3d: Same<'conv3d'>;
  readonly conv2dTranspose: Same<'conv2dTranspose'>;
  readonly depthwiseConv2d: Same<'depthwiseConv2d'>;
  readonly separableConv2d: Same<'separableConv2d'>;
  readonly zeroPadding1d: Factory<ZeroPadding1DArgs>;
  readonly zeroPadding2d: Same<'zeroPadding2d'>;
  readonly cropping1d: Factory<Cropping1DArgs>;
  readonly cropping2d: Same<'cropping2D'>;
  readonly upSampling1d: Factory<UpSampling1DArgs>;
  readonly upSampling2d: Same<'upSampling2d'>;

  readonly maxPooling1d: Same<'maxPooling1d'>;
  readonly maxPooling2d: Same<'maxPooling2d'>;
  readonly maxPooling3d: Same<'maxPooling3d'>;
  readonly averagePooling1d: Same<'averagePooling1d'>;
  readonly averagePooling2d: Same<'averagePooling2d'>;
  readonly averagePooling3d: Same<'averagePooling3d'>;
  readonly globalMaxPooling1d: Same<'globalMaxPooling1d'>;
  readonly globalMaxPooling2d: Same<'globalMaxPooling2d'>;
  readonly globalAveragePooling1d: Same<'globalAveragePooling1d'>;
  readonly globalAveragePooling2d: Same<'globalAveragePooling2d'>;

  readonly lstm: Recurrent<'lstm'>;
  readonly gru: Recurrent<'gru', { resetAfter?: boolean }>;
  readonly simpleRNN: Recurrent<'simpleRNN'>;
  readonly bidirectional: Same<'bidirectional', unknown, 'mergeMode'>;
  readonly timeDistributed: Same<'timeDistributed'>;

  readonly multiHeadAttention: Factory<MultiHeadAttentionArgs, Applied & MultiHeadAttention>;
  readonly positionEmbedding: Factory<PositionEmbeddingArgs>;
  readonly sinePositionEncoding: Factory<SinePositionEncodingArgs>;
  readonly transformerEncoder: typeof transformerEncoder;

  readonly batchNormalization: Same<'batchNormalization'>;
  readonly layerNormalization: Same<'layerNormalization'>;

  readonly dropout: Same<'dropout'>;
  readonly spatialDropout1d: Same<'spatialDropout1d'>;
  readonly spatialDropout2d: Factory<SpatialDropoutArgs>;
  readonly gaussianNoise: Same<'gaussianNoise'>;
  readonly gaussianDropout: Same<'gaussianDropout'>;
  readonly alphaDropout: Same<'alphaDropout'>;

  readonly add: Same<'add'>;
  readonly subtract: Same<'add'>;
  readonly multiply: Same<'multiply'>;
  readonly average: Same<'average'>;
  readonly maximum: Same<'maximum'>;
  readonly minimum: Same<'minimum'>;
  readonly concatenate: Same<'concatenate'>;
  readonly dot: Same<'dot'>;

  readonly reLU: Factory<ReLUArgs>;
  readonly leakyReLU: Factory<Omit<ArgsOf<'leakyReLU'>, 'alpha'> & { negativeSlope?: number }>;
  readonly prelu: Same<'prelu'>;
  readonly elu: Factory<ELUArgs>;
  readonly softmax: Same<'softmax'>;
}
