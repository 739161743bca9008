import { type Field, leftOut, only, same } from '../field.ts';
import { layer } from '../mapping.ts';
import { constraint, initializer, regularizer } from '../objects.ts';
import { Unmappable } from '../unmappable.ts';

/** Keras's is a list, of one size here. */
const outputShape: Field = {
  keras: 'output_shape',
  tfjs: 'output_shape',
  toKeras: (value) => (value === null || value === undefined ? null : [value]),
  toTfjs: (value) => {
    const [size, ...others] = [value].flat();
    if (others.length > 0) throw new Unmappable('output_shape of several dimensions, where Lockstep has one');
    return size ?? null;
  },
};

/** Keras notes those that it attends over: the one between batch and features. */
const attentionAxes: Field = {
  keras: 'attention_axes',
  tfjs: null,
  toKeras: () => null,
  toTfjs: (value) => {
    if (value === null || JSON.stringify(value) === '[1]' || value === 1) return undefined;
    throw new Unmappable(`attention_axes ${JSON.stringify(value)}, where Lockstep attends over time alone`);
  },
};

export const attention = [
  layer(
    'MultiHeadAttention',
    [
      same('num_heads'),
      same('key_dim'),
      same('value_dim'),
      same('dropout', 0),
      same('use_bias', true),
      only('use_gate', false),
      outputShape,
      attentionAxes,
      only('sliding_window', null),
      initializer('kernel_initializer', 'GlorotUniform'),
      initializer('bias_initializer'),
      regularizer('kernel_regularizer'),
      regularizer('bias_regularizer'),
      only('activity_regularizer', null),
      constraint('kernel_constraint'),
      constraint('bias_constraint'),
      leftOut('seed', null),
    ],
    { holder: 'query_dense, key_dense, value_dense, output_dense', call: 'attention' },
  ),
];
