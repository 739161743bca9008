import { agreed, type Config, type Field, innerLayer, type LayerJson, leftOut, only, same } from '../field.ts';
import { layer } from '../mapping.ts';
import { activation, constraint, initializer, regularizer } from '../objects.ts';
import { Unmappable } from '../unmappable.ts';

const cellCore = [
  activation('activation', 'tanh'),
  same('use_bias', true),
  initializer('kernel_initializer'),
  initializer('recurrent_initializer', 'Orthogonal'),
  initializer('bias_initializer'),
  regularizer('kernel_regularizer'),
  regularizer('recurrent_regularizer'),
  regularizer('bias_regularizer'),
  constraint('kernel_constraint'),
  constraint('recurrent_constraint'),
  constraint('bias_constraint'),
  same('dropout', 0),
  same('recurrent_dropout', 0),
  leftOut('seed', null),
];

const simpleCell = [same('units'), ...cellCore];
const gruCell = [
  same('units'),
  ...cellCore,
  activation('recurrent_activation', 'hard_sigmoid'),
  // tfjs-layers' own has no other; Lockstep's has both.
  same('reset_after', false),
];
const lstmGates = [activation('recurrent_activation', 'hard_sigmoid'), same('unit_forget_bias', false)];
const lstmCell = [same('units'), ...cellCore, ...lstmGates];

const sequence = [
  same('return_sequences', false),
  same('return_state', false),
  same('go_backwards', false),
  same('stateful', false),
  same('unroll', false),
  // Matters with a mask alone, see topology.ts: tfjs-layers repeats the last output, as Keras does by default.
  leftOut('zero_output_for_mask', false),
];

const activity = only('activity_regularizer', null);
const inCell = { holder: 'cell', call: 'states' } as const;

/** Keras puts its own prefix before the wrapped layer's name, and so does tfjs. */
const forwardLayer: Field = innerLayer('layer', (wrapped) => ({
  ...wrapped,
  config: { ...wrapped.config, name: String(wrapped.config['name']).replace(/^forward_/, '') },
}));

export const recurrent = [
  layer('SimpleRNN', [...simpleCell, ...sequence, activity], inCell),
  layer('GRU', [...gruCell, ...sequence, activity], inCell),
  layer('LSTM', [...lstmCell, ...sequence, activity], inCell),
  layer(
    'ConvLSTM2D',
    [
      same('filters'),
      same('kernel_size'),
      same('strides', [1, 1]),
      agreed('padding', ['valid', 'same'], 'valid'),
      same('data_format', 'channels_last'),
      same('dilation_rate', [1, 1]),
      ...cellCore,
      ...lstmGates,
      ...sequence,
      activity,
    ],
    inCell,
  ),
  layer('SimpleRNNCell', simpleCell),
  layer('GRUCell', gruCell),
  layer('LSTMCell', lstmCell),
  layer(
    'StackedRNNCells',
    [
      {
        keras: 'cells',
        tfjs: 'cells',
        toKeras: (cells, inner) => (cells as never[]).map((cell) => inner.toKeras(cell)),
        toTfjs: (cells, inner) => (cells as never[]).map((cell) => inner.toTfjs(cell)),
      },
    ],
    { holder: 'cells' },
  ),
  layer('RNN', [innerLayer('cell'), ...sequence], inCell),
  layer('Bidirectional', [same('merge_mode', 'concat'), forwardLayer, leftOut('backward_layer', undefined)], {
    holder: 'forward_layer, backward_layer',
    call: 'states',
    implied: { zero_output_for_mask: true },
    check: checkDirections,
  }),
  layer('TimeDistributed', [innerLayer('layer')], { holder: 'layer' }),
];

/** tfjs turns the forward layer round; Keras may have another one. */
function checkDirections(config: Config): void {
  const { layer, backward_layer } = config;
  if (backward_layer === null || backward_layer === undefined) return;
  if (direction(layer, false) === direction(backward_layer, true)) return;
  throw new Unmappable('its backward layer is not its forward layer turned round, and TensorFlow.js has no other kind');
}

function direction(value: unknown, isBackward: boolean): string {
  const { class_name, config } = value as LayerJson;
  const { name: _, seed: __, go_backwards, ...others } = config;
  return JSON.stringify([class_name, (go_backwards === true) !== isBackward, others], (key, item: unknown) =>
    key === 'shared_object_id' ? undefined : item,
  );
}
