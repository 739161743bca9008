import { tf } from '../tf.ts';

type Tfjs = typeof tf.initializers;

/** As `tf.initializers` has it; Keras has a default for every option. */
type Initializer<Name extends keyof Tfjs> = (
  options?: Partial<NonNullable<Parameters<Tfjs[Name]>[0]>>,
) => ReturnType<Tfjs[Name]>;

/** Keras 3's initializers with its defaults. Without a seed of their own they draw from the run's. */
export const initializers: {
  readonly [Name in
    | Exclude<keyof Tfjs, 'leCunNormal' | 'leCunUniform'>
    | 'lecunNormal'
    | 'lecunUniform']: Name extends keyof Tfjs ? Initializer<Name> : Initializer<'leCunNormal'>;
} = {
  zeros: () => tf.initializers.zeros(),
  ones: () => tf.initializers.ones(),
  constant: (options) => tf.initializers.constant({ value: 0, ...options }),
  identity: (options) => tf.initializers.identity({ gain: 1, ...options }),
  orthogonal: (options) => tf.initializers.orthogonal({ gain: 1, ...options }),
  randomNormal: (options) => tf.initializers.randomNormal({ mean: 0, stddev: 0.05, ...options }),
  randomUniform: (options) => tf.initializers.randomUniform({ minval: -0.05, maxval: 0.05, ...options }),
  truncatedNormal: (options) => tf.initializers.truncatedNormal({ mean: 0, stddev: 0.05, ...options }),
  varianceScaling: (options) =>
    tf.initializers.varianceScaling({ scale: 1, mode: 'fanIn', distribution: 'normal', ...options }),
  glorotNormal: (options = {}) => tf.initializers.glorotNormal(options),
  glorotUniform: (options = {}) => tf.initializers.glorotUniform(options),
  heNormal: (options = {}) => tf.initializers.heNormal(options),
  heUniform: (options = {}) => tf.initializers.heUniform(options),
  lecunNormal: (options = {}) => tf.initializers.leCunNormal(options),
  lecunUniform: (options = {}) => tf.initializers.leCunUniform(options),
};
