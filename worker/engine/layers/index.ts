import { type LayerName, layerEntries } from '../../../shared/layers/index.ts';
import { tf } from '../tf.ts';
import { registerActivations } from './activations.ts';
import { Bidirectional } from './bidirectional.ts';
import { Conv1D, Conv2D, DepthwiseConv2D, SeparableConv2D } from './convolutions.ts';
import { ELU, ReLU, SpatialDropout2D, Subtract } from './elementwise.ts';
import { GRU } from './gru.ts';
import type { Layers } from './layer-types.ts';
import { type Maker, makeLayer } from './make-layer.ts';
import { Masking } from './masking.ts';
import { installMergedMasks } from './merged-masks.ts';
import { MultiHeadAttention } from './multi-head-attention.ts';
import { PositionEmbedding, SinePositionEncoding } from './positions.ts';
import { Cropping1D, GlobalAveragePooling1D, ZeroPadding1D } from './sequences.ts';
import { installTensorMasks } from './tensor-masks.ts';
import { transformerEncoder } from './transformer-encoder.ts';
import { UpSampling1D, UpSampling2D } from './up-sampling.ts';

registerActivations();
installTensorMasks();
installMergedMasks();

/** Makers of the layers that are not tfjs-layers' own under the same name. */
const makers: { readonly [Name in LayerName]?: Maker } = {
  masking: (args) => new Masking(args),
  conv1d: (args) => new Conv1D(args),
  conv2d: (args) => new Conv2D(args),
  depthwiseConv2d: (args) => new DepthwiseConv2D(args),
  separableConv2d: (args) => new SeparableConv2D(args),
  zeroPadding1d: (args) => new ZeroPadding1D(args),
  cropping1d: (args) => new Cropping1D(args),
  cropping2d: (args) => tf.layers.cropping2D(args),
  upSampling1d: (args) => new UpSampling1D(args),
  upSampling2d: (args) => new UpSampling2D(args),
  globalAveragePooling1d: (args) => new GlobalAveragePooling1D(args),
  bidirectional: (args) => new Bidirectional(args),
  gru: (args) => new GRU(args),
  multiHeadAttention: (args) => new MultiHeadAttention(args),
  positionEmbedding: (args) => new PositionEmbedding(args),
  sinePositionEncoding: (args) => new SinePositionEncoding(args),
  spatialDropout2d: (args) => new SpatialDropout2D(args),
  subtract: (args) => new Subtract(args),
  reLU: (args) => new ReLU(args),
  elu: (args) => new ELU(args),
};

function buildLayers(): Layers {
  const names = (Object.keys(layerEntries) as LayerName[]).filter((name) => name !== 'transformerEncoder');
  const made = names.map((name) => {
    const make = makers[name] ?? (tf.layers[name as keyof typeof tf.layers] as unknown as Maker);
    return [name, (options: object = {}) => makeLayer(name, make, options)];
  });
  return { ...Object.fromEntries(made), transformerEncoder } as unknown as Layers;
}

/** Keras 3's layers, with its names and defaults; docs/layers.md has the table. */
export const layers: Layers = buildLayers();

export { activations } from './activation-functions.ts';
export type { ActivationIdentifier } from './activations.ts';
export { GRUCell } from './gru.ts';
export { initializers } from './initializers.ts';
export type { Layers } from './layer-types.ts';
export type { AttentionCall, MultiHeadAttentionArgs } from './multi-head-attention.ts';
export type { Block, TransformerEncoderArgs } from './transformer-encoder.ts';
