import { leftOut, only, same } from '../field.ts';
import { layer } from '../mapping.ts';
import { constraint, initializer, regularizer } from '../objects.ts';

const scaleAndShift = [
  same('center', true),
  same('scale', true),
  initializer('beta_initializer'),
  initializer('gamma_initializer', 'Ones'),
  regularizer('beta_regularizer'),
  regularizer('gamma_regularizer'),
];

export const normalization = [
  layer('BatchNormalization', [
    same('axis', -1),
    same('momentum', 0.99),
    same('epsilon', 1e-3),
    ...scaleAndShift,
    constraint('beta_constraint'),
    constraint('gamma_constraint'),
    initializer('moving_mean_initializer'),
    initializer('moving_variance_initializer', 'Ones'),
    // How Keras averages over devices in training; Lockstep averages over replicas anyway.
    leftOut('synchronized', false),
    only('renorm', false),
    leftOut('renorm_clipping', undefined),
    leftOut('renorm_momentum', undefined),
  ]),
  layer('LayerNormalization', [
    same('axis', -1),
    same('epsilon', 1e-3),
    ...scaleAndShift,
    only('rms_scaling', false),
    only('beta_constraint', null),
    only('gamma_constraint', null),
  ]),
];
