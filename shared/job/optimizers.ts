import { LockstepError } from '../core/index.ts';
import { optimizerNames, resolveName } from './names.ts';
import type { CommonOptimizerOptions, OptimizerConfig, OptimizerName } from './optimizer-config.ts';
import { amount, completeOptions, flag, type OptionReader, positive, share } from './options.ts';
import { readLearningRate } from './schedules.ts';

type ConfigOf<Name extends OptimizerName> = Extract<OptimizerConfig, { name: Name }>;
/** What a user may set on an optimizer; the rest keeps Keras 3's defaults. */
export type OptimizerOptions<Name extends OptimizerName> = Partial<Omit<ConfigOf<Name>, 'name'>>;

const moments = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/**
 * Keras 3's defaults (keras/src/optimizers at 3.x; `epsilon` is 1e-7 in all of them). Weight decay, where none is named
 * here, and clipping are off.
 */
const defaults: { readonly [Name in OptimizerName]: ConfigOf<Name> } = {
  sgd: { name: 'sgd', learningRate: 0.01, momentum: 0, nesterov: false },
  adam: { name: 'adam', ...moments },
  adamW: { name: 'adamW', ...moments, weightDecay: 0.004 },
  rmsprop: { name: 'rmsprop', learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false },
  adagrad: { name: 'adagrad', learningRate: 0.001, initialAccumulatorValue: 0.1, epsilon: 1e-7 },
  adadelta: { name: 'adadelta', learningRate: 0.001, rho: 0.95, epsilon: 1e-7 },
  adamax: { name: 'adamax', ...moments },
  nadam: { name: 'nadam', ...moments },
};

/** Optimizers for a job's `optimizer`; each throws LockstepError job/invalid on a bad option. */
export const optimizers = {
  /** Gradient descent, with (Nesterov) momentum where `momentum` > 0. */
  sgd: (options: OptimizerOptions<'sgd'> = {}): ConfigOf<'sgd'> => complete('sgd', options),
  /** Kingma and Ba, 2014. */
  adam: (options: OptimizerOptions<'adam'> = {}): ConfigOf<'adam'> => complete('adam', options),
  /** Adam with decoupled weight decay: Loshchilov and Hutter, 2017. */
  adamW: (options: OptimizerOptions<'adamW'> = {}): ConfigOf<'adamW'> => complete('adamW', options),
  /** Hinton, 2012; `centered` divides by an estimate of the variance instead of the second moment. */
  rmsprop: (options: OptimizerOptions<'rmsprop'> = {}): ConfigOf<'rmsprop'> => complete('rmsprop', options),
  /** Duchi et al., 2011. Keras's default learning rate of 0.001 is small; the paper's is 1. */
  adagrad: (options: OptimizerOptions<'adagrad'> = {}): ConfigOf<'adagrad'> => complete('adagrad', options),
  /** Zeiler, 2012. Keras's default learning rate of 0.001 is small; the paper's is 1. */
  adadelta: (options: OptimizerOptions<'adadelta'> = {}): ConfigOf<'adadelta'> => complete('adadelta', options),
  /** Adam by the infinity norm: Kingma and Ba, 2014, section 7.1. */
  adamax: (options: OptimizerOptions<'adamax'> = {}): ConfigOf<'adamax'> => complete('adamax', options),
  /** Adam with Nesterov momentum: Dozat, 2015. */
  nadam: (options: OptimizerOptions<'nadam'> = {}): ConfigOf<'nadam'> => complete('nadam', options),
};

/**
 * A job's `optimizer` with every default filled in: a name (`'adam'`), or what a function of `optimizers` returned.
 * @throws LockstepError job/invalid
 */
export function resolveOptimizer(nameOrConfig: unknown): OptimizerConfig {
  if (typeof nameOrConfig === 'object' && nameOrConfig !== null && 'name' in nameOrConfig) {
    const { name, ...options } = nameOrConfig;
    return complete(resolveName('optimizer', name, optimizerNames), options);
  }
  return defaults[resolveName('optimizer', nameOrConfig, optimizerNames)];
}

const clips = ['clipValue', 'clipNorm', 'globalClipNorm'] as const;

const commonReaders = {
  learningRate: readLearningRate,
  weightDecay: amount,
  clipValue: positive,
  clipNorm: positive,
  globalClipNorm: positive,
} satisfies Record<keyof CommonOptimizerOptions, OptionReader>;

const ownReaders: Readonly<Record<string, OptionReader>> = {
  momentum: share,
  nesterov: flag,
  rho: share,
  beta1: share,
  beta2: share,
  epsilon: amount,
  centered: flag,
  initialAccumulatorValue: amount,
};

function complete<Name extends OptimizerName>(name: Name, options: OptimizerOptions<Name>): ConfigOf<Name> {
  const own = Object.entries(ownReaders).filter(([option]) => Object.hasOwn(defaults[name], option));
  const readers = { ...Object.fromEntries(own), ...commonReaders };
  const config = completeOptions(`optimizer ${name}`, readers, defaults[name], options);
  if (config['nesterov'] === true && config['momentum'] === 0) {
    throw new LockstepError(
      'job/invalid',
      'optimizer sgd: nesterov needs a momentum above 0; set momentum, for example 0.9.',
    );
  }
  const set = clips.filter((clip) => config[clip] !== undefined);
  if (set.length > 1) {
    throw new LockstepError(
      'job/invalid',
      `optimizer ${name}: only one of ${clips.join(', ')} may be set, got ${set.join(' and ')}.`,
    );
  }
  return config as unknown as ConfigOf<Name>;
}
