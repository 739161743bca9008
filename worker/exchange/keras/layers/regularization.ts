import { leftOut, only, same } from '../field.ts';
import { layer } from '../mapping.ts';

/** They draw in training alone. */
export const regularization = [
  layer('Dropout', [same('rate'), same('seed'), same('noise_shape')]),
  layer('SpatialDropout1D', [same('rate'), same('seed')], { canFreeze: false }),
  layer('SpatialDropout2D', [same('rate'), leftOut('seed', null), only('data_format', 'channels_last')], {
    canFreeze: false,
  }),
  layer('AlphaDropout', [same('rate'), same('seed'), same('noise_shape')]),
  layer('GaussianDropout', [same('rate'), same('seed')]),
  layer('GaussianNoise', [same('stddev'), same('seed')]),
];
