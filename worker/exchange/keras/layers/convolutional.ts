import { agreed, only, same } from '../field.ts';
import { layer } from '../mapping.ts';
import { activation, constraint, initializer, regularizer } from '../objects.ts';

const windowOf = (...paddings: readonly string[]) => [
  same('kernel_size'),
  same('strides'),
  agreed('padding', paddings, 'valid'),
  same('data_format', 'channels_last'),
];

const window = windowOf('valid', 'same');

const output = [
  activation('activation'),
  same('use_bias', true),
  initializer('bias_initializer'),
  regularizer('bias_regularizer'),
  only('activity_regularizer', null),
  constraint('bias_constraint'),
];

/** The options of a kernel called `name`. */
function kernel(name: string) {
  return [initializer(`${name}_initializer`), regularizer(`${name}_regularizer`), constraint(`${name}_constraint`)];
}

const convolution = (rank: number) => [
  same('filters'),
  ...(rank === 1 ? windowOf('valid', 'same', 'causal') : window),
  same('dilation_rate', new Array(rank).fill(1)),
  rank === 3 ? only('groups', 1) : same('groups', 1),
  ...output,
  ...kernel('kernel'),
];

const transposed = (rank: number) => [
  same('filters'),
  ...window,
  only('dilation_rate', new Array(rank).fill(1)),
  only('output_padding', null),
  ...output,
  ...kernel('kernel'),
];

export const convolutional = [
  layer('Conv1D', convolution(1)),
  layer('Conv2D', convolution(2)),
  layer('Conv3D', convolution(3)),
  layer('Conv2DTranspose', transposed(2)),
  layer('Conv3DTranspose', transposed(3)),
  layer('DepthwiseConv2D', [
    ...window,
    same('dilation_rate', [1, 1]),
    same('depth_multiplier', 1),
    ...output,
    ...kernel('depthwise'),
  ]),
  layer('SeparableConv2D', [
    same('filters'),
    ...window,
    same('dilation_rate', [1, 1]),
    same('depth_multiplier', 1),
    ...output,
    ...kernel('depthwise'),
    ...kernel('pointwise'),
  ]),
  layer('ZeroPadding1D', [same('padding'), only('data_format', 'channels_last')]),
  layer('Cropping1D', [same('cropping')]),
  layer('UpSampling1D', [same('size')]),
  layer('ZeroPadding2D', [same('padding'), same('data_format', 'channels_last')]),
  layer('Cropping2D', [same('cropping'), same('data_format', 'channels_last')]),
  layer('UpSampling2D', [
    same('size'),
    same('data_format', 'channels_last'),
    agreed('interpolation', ['nearest'], 'nearest'),
  ]),
];
