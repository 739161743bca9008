import { activations, refusedActivations } from './layers/activations.ts';
import { attention } from './layers/attention.ts';
import { convolutional } from './layers/convolutional.ts';
import { core } from './layers/core.ts';
import { merge } from './layers/merge.ts';
import { normalization } from './layers/normalization.ts';
import { pooling } from './layers/pooling.ts';
import { recurrent } from './layers/recurrent.ts';
import { regularization } from './layers/regularization.ts';
import { type LayerMapping, layer, type Refusal, refused } from './mapping.ts';
import { Unmappable } from './unmappable.ts';

/** Models as layers of others: their configuration is a topology (topology.ts). */
const models: readonly LayerMapping[] = [
  layer('Sequential', [], { holder: 'layers' }),
  { ...layer('Model', [], { holder: 'layers' }), keras: 'Functional' },
  layer('Functional', [], { holder: 'layers' }),
];

/** Every layer class that has an equal in the other library. */
export const mappings: readonly LayerMapping[] = [
  ...core,
  ...activations,
  ...convolutional,
  ...pooling,
  ...normalization,
  ...regularization,
  ...merge,
  ...recurrent,
  ...attention,
  ...models,
];

/** Layer classes that have none. */
export const refusals: readonly Refusal[] = [
  refused('PositionEmbedding', 'Keras itself has no PositionEmbedding; save as tfjs or safetensors'),
  refused('SinePositionEncoding', 'Keras itself has no SinePositionEncoding; save as tfjs or safetensors'),
  ...refusedActivations,
  refused('Resizing', 'TensorFlow.js puts the corners of images elsewhere than Keras; resize in the data set instead'),
  refused('CenterCrop', 'TensorFlow.js rounds its box otherwise than Keras; crop in the data set instead'),
  refused('RandomWidth', 'Keras 3 has no RandomWidth'),
  refused(
    'CategoryEncoding',
    'Keras 3 wants whole numbers here and TensorFlow.js floats; encode in the data set instead',
  ),
  refused('ConvLSTM2DCell', 'Keras 3 has no ConvLSTM2DCell of its own; use ConvLSTM2D'),
];

/** @throws Unmappable */
export function mappingOfTfjs(className: string): LayerMapping {
  const found = mappings.find(({ tfjs }) => tfjs === className);
  if (found !== undefined) return found;
  throw new Unmappable(
    refusals.find(({ name }) => name === className)?.reason ?? `Lockstep knows no layer of Keras for ${className}`,
  );
}

/** @throws Unmappable */
export function mappingOfKeras(className: string): LayerMapping {
  const found = mappings.find(({ keras }) => keras === className);
  if (found !== undefined) return found;
  throw new Unmappable(`Lockstep knows no layer of TensorFlow.js for Keras’s ${className}`);
}
