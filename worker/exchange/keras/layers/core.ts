import { leftOut, only, renamed, same } from '../field.ts';
import { layer } from '../mapping.ts';
import { activation, constraint, initializer, regularizer } from '../objects.ts';

export const core = [
  layer('InputLayer', [
    renamed('batch_shape', 'batch_input_shape'),
    same('dtype', 'float32'),
    same('sparse', false),
    only('ragged', false),
    only('optional', false),
  ]),
  layer('Dense', [
    same('units'),
    activation('activation'),
    same('use_bias', true),
    initializer('kernel_initializer'),
    initializer('bias_initializer'),
    regularizer('kernel_regularizer'),
    regularizer('bias_regularizer'),
    only('activity_regularizer', null),
    constraint('kernel_constraint'),
    constraint('bias_constraint'),
    only('lora_rank', null),
    only('quantization_config', null),
  ]),
  layer('Embedding', [
    same('input_dim'),
    same('output_dim'),
    initializer('embeddings_initializer'),
    regularizer('embeddings_regularizer'),
    only('activity_regularizer', null),
    constraint('embeddings_constraint'),
    same('mask_zero', false),
    // Of older Keras: the length that the input's shape says as well.
    leftOut('input_length', undefined),
    only('lora_rank', null),
    only('quantization_config', null),
  ]),
  layer('Flatten', [same('data_format', 'channels_last')]),
  layer('Reshape', [same('target_shape')]),
  layer('Permute', [same('dims')]),
  layer('RepeatVector', [same('n')]),
  layer('Masking', [same('mask_value', 0)]),
  layer('Rescaling', [same('scale'), same('offset', 0)]),
];
