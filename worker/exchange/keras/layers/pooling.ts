import { agreed, only, same } from '../field.ts';
import { layer } from '../mapping.ts';

const window = [
  same('pool_size'),
  same('strides'),
  agreed('padding', ['valid', 'same'], 'valid'),
  same('data_format', 'channels_last'),
];

const whole = [same('data_format', 'channels_last'), only('keepdims', false)];

export const pooling = [
  ...['MaxPooling1D', 'MaxPooling2D', 'MaxPooling3D'].map((name) => layer(name, window)),
  ...['AveragePooling1D', 'AveragePooling2D', 'AveragePooling3D'].map((name) => layer(name, window)),
  ...['GlobalMaxPooling1D', 'GlobalMaxPooling2D'].map((name) => layer(name, whole)),
  ...['GlobalAveragePooling1D', 'GlobalAveragePooling2D'].map((name) => layer(name, whole)),
];
