import { LockstepError } from '../core/index.ts';
import type { OptimizerConfig, OptimizerName } from './job.ts';
import { nearestName, optimizerNames, resolveName } from './names.ts';

type ConfigOf<Name extends OptimizerName> = Extract<OptimizerConfig, { name: Name }>;
/** What a user may set on an optimizer; the rest keeps Keras 3's defaults. */
export type OptimizerOptions<Name extends OptimizerName> = Partial<Omit<ConfigOf<Name>, 'name'>>;

/** Keras 3's defaults (keras/src/optimizers at 3.x; `epsilon` is 1e-7 in all of them). */
const defaults: { readonly [Name in OptimizerName]: ConfigOf<Name> } = {
  sgd: { name: 'sgd', learningRate: 0.01, momentum: 0, nesterov: false },
  adam: { name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  rmsprop: { name: 'rmsprop', learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false },
  adadelta: { name: 'adadelta', learningRate: 0.001, rho: 0.95, epsilon: 1e-7 },
};

/** Optimizers for a job's `optimizer`; each throws LockstepError job/invalid on a bad option. */
export const optimizers = {
  /** Gradient descent, with (Nesterov) momentum where `momentum` > 0. */
  sgd: (options: OptimizerOptions<'sgd'> = {}): ConfigOf<'sgd'> => complete('sgd', options),
  /** Kingma and Ba, 2014. */
  adam: (options: OptimizerOptions<'adam'> = {}): ConfigOf<'adam'> => complete('adam', options),
  /** Hinton, 2012; `centered` divides by an estimate of the variance instead of the second moment. */
  rmsprop: (options: OptimizerOptions<'rmsprop'> = {}): ConfigOf<'rmsprop'> => complete('rmsprop', options),
  /** Zeiler, 2012. Keras's default learning rate of 0.001 is small; the paper's is 1. */
  adadelta: (options: OptimizerOptions<'adadelta'> = {}): ConfigOf<'adadelta'> => complete('adadelta', options),
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

function complete<Name extends OptimizerName>(name: Name, options: OptimizerOptions<Name>): ConfigOf<Name> {
  const config: Record<string, unknown> = { ...defaults[name] };
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    check(name, option, value, config);
    config[option] = value;
  }
  if (config['nesterov'] === true && config['momentum'] === 0) {
    throw new LockstepError(
      'job/invalid',
      'optimizer sgd: nesterov needs a momentum above 0; set momentum, for example 0.9.',
    );
  }
  return config as ConfigOf<Name>;
}

/** Ranges of the numeric options, [lowest, highest); flags have none. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  learningRate: [0, Number.POSITIVE_INFINITY],
  epsilon: [0, Number.POSITIVE_INFINITY],
  momentum: [0, 1],
  rho: [0, 1],
  beta1: [0, 1],
  beta2: [0, 1],
};

function check(name: OptimizerName, option: string, value: unknown, known: Readonly<Record<string, unknown>>): void {
  if (!Object.hasOwn(known, option) || option === 'name') {
    const names = Object.keys(known).filter((key) => key !== 'name');
    throw new LockstepError(
      'job/invalid',
      `optimizer ${name} has no option "${option}"; did you mean "${nearestName(option, names)}"? Known: ${names.join(', ')}.`,
    );
  }
  const range = ranges[option];
  if (range === undefined) {
    if (typeof value === 'boolean') return;
    throw new LockstepError('job/invalid', `optimizer ${name}: ${option} must be true or false, got ${String(value)}.`);
  }
  const [low, high] = range;
  if (typeof value === 'number' && value >= low && value < high) return;
  const expected = high === 1 ? 'a number from 0 to below 1' : 'a finite number of at least 0';
  throw new LockstepError('job/invalid', `optimizer ${name}: ${option} must be ${expected}, got ${String(value)}.`);
}
