import { renamed, same } from '../field.ts';
import { layer, refused } from '../mapping.ts';
import { activation, constraint, initializer, regularizer } from '../objects.ts';

export const activations = [
  layer('Activation', [activation('activation')]),
  layer('ReLU', [same('max_value'), same('negative_slope', 0), same('threshold', 0)]),
  layer('LeakyReLU', [renamed('negative_slope', 'alpha', 0.3)]),
  layer('ELU', [same('alpha', 1)]),
  layer('PReLU', [
    initializer('alpha_initializer'),
    regularizer('alpha_regularizer'),
    constraint('alpha_constraint'),
    same('shared_axes'),
  ]),
  layer('Softmax', [same('axis', -1)]),
];

export const refusedActivations = [refused('ThresholdedReLU', 'Keras 3 has no ThresholdedReLU')];
