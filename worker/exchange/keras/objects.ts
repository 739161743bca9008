import { activationEntries } from '../../../shared/layers/index.ts';
import type { Config, Field } from './field.ts';
import { Unmappable } from './unmappable.ts';

/** An initializer, regularizer or constraint as both libraries save it. */
interface Saved {
  readonly class_name: string;
  readonly config: Config;
}

/** Activations by tfjs's saved name, each with Keras's. What is missing computes other values there. */
const activations: Readonly<Record<string, string>> = Object.fromEntries(
  Object.values(activationEntries)
    .filter(({ keras }) => keras !== null)
    .map(({ saved, keras }) => [snakeCase(saved), keras as string]),
);

const whyNoActivation: Readonly<Record<string, string>> = {
  hard_sigmoid:
    'hard_sigmoid is clip(x / 5 + 1/2) in TensorFlow.js and clip(x / 6 + 1/2) in Keras 3; ' +
    "train with 'sigmoid' (for recurrent layers: recurrentActivation: 'sigmoid'), or with the hardSigmoid of layers.*",
  gelu_new: "gelu_new has no name in Keras 3; train with 'gelu'",
};

export function activation(key: string, absent = 'linear'): Field {
  return {
    keras: key,
    tfjs: key,
    toKeras: (value) => {
      const name = snakeCase(String(value ?? absent));
      const known = activations[name];
      if (known !== undefined) return known;
      throw new Unmappable(`${key}: ${whyNoActivation[name] ?? `Keras 3 has no activation ${name}`}`);
    },
    toTfjs: (value) => {
      const name = value === null ? 'linear' : value === 'swish' ? 'silu' : nameOf(value);
      const known = Object.keys(activations).find((tfjs) => activations[tfjs] === name);
      if (known !== undefined) return known;
      throw new Unmappable(`${key}: ${whyNoActivation[name] ?? `TensorFlow.js has no activation ${name}`}`);
    },
  };
}

/** Older Keras saves an activation as the function's name, newer as an object at times. */
function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { config } = value as { readonly config?: unknown };
  return typeof config === 'string' ? config : JSON.stringify(value);
}

const varianceScaling: Readonly<Record<string, Config>> = {
  GlorotUniform: { scale: 1, mode: 'fan_avg', distribution: 'uniform' },
  GlorotNormal: { scale: 1, mode: 'fan_avg', distribution: 'normal' },
  HeUniform: { scale: 2, mode: 'fan_in', distribution: 'uniform' },
  HeNormal: { scale: 2, mode: 'fan_in', distribution: 'normal' },
  LecunUniform: { scale: 1, mode: 'fan_in', distribution: 'uniform' },
  LecunNormal: { scale: 1, mode: 'fan_in', distribution: 'normal' },
};

/** Initializers by Keras's class with the keys that both have. They matter only to whoever builds the model anew. */
const plainInitializers: Readonly<Record<string, readonly string[]>> = {
  Zeros: [],
  Ones: [],
  Constant: ['value'],
  RandomUniform: ['minval', 'maxval', 'seed'],
  RandomNormal: ['mean', 'stddev', 'seed'],
  TruncatedNormal: ['mean', 'stddev', 'seed'],
  Orthogonal: ['gain', 'seed'],
  Identity: ['gain'],
};

export function initializer(key: string, absent = 'Zeros'): Field {
  const none: Saved = { class_name: absent, config: {} };
  return {
    keras: key,
    tfjs: key,
    toKeras: (value) => inModule('keras.initializers', initializerToKeras(key, (value ?? none) as Saved)),
    toTfjs: (value) => initializerToTfjs(key, (value ?? none) as Saved),
  };
}

function initializerToKeras(key: string, { class_name, config }: Saved): Saved {
  const keys = plainInitializers[class_name];
  if (keys !== undefined) return { class_name, config: pick(config, keys) };
  if (class_name !== 'VarianceScaling') return known(key, class_name, 'Keras 3', { class_name, config });
  const { distribution } = config;
  // tfjs draws its normal distribution truncated, as Keras's own default does.
  const keras = distribution === 'normal' ? 'truncated_normal' : distribution;
  return { class_name, config: { ...pick(config, ['scale', 'mode', 'seed']), distribution: keras } };
}

function initializerToTfjs(key: string, { class_name, config }: Saved): Saved {
  const keys = plainInitializers[class_name];
  if (keys !== undefined) return { class_name, config: pick(config, keys) };
  const scaling = varianceScaling[class_name];
  if (scaling !== undefined) {
    return { class_name: 'VarianceScaling', config: { ...scaling, seed: config['seed'] ?? null } };
  }
  if (class_name !== 'VarianceScaling') return known(key, class_name, 'TensorFlow.js', { class_name, config });
  const distribution = String(config['distribution']).replace(/^(un)?truncated_normal$/, 'normal');
  return { class_name, config: { ...pick(config, ['scale', 'mode', 'seed']), distribution } };
}

const regularizers: Readonly<Record<string, readonly string[]>> = { L1: ['l1'], L2: ['l2'], L1L2: ['l1', 'l2'] };

export function regularizer(key: string): Field {
  return savedObject(key, 'keras.regularizers', ({ class_name, config }, library) => {
    const keys = regularizers[class_name];
    if (keys === undefined) return known(key, class_name, library, null);
    // tfjs has the one class for all of them.
    return { class_name: 'L1L2', config: { l1: 0, l2: 0, ...pick(config, keys) } };
  });
}

const constraints: Readonly<Record<string, readonly string[]>> = {
  MaxNorm: ['max_value', 'axis'],
  NonNeg: [],
  UnitNorm: ['axis'],
  MinMaxNorm: ['min_value', 'max_value', 'rate', 'axis'],
};

export function constraint(key: string): Field {
  return savedObject(key, 'keras.constraints', ({ class_name, config }, library) => {
    const keys = constraints[class_name];
    return keys === undefined ? known(key, class_name, library, null) : { class_name, config: pick(config, keys) };
  });
}

function savedObject(key: string, module: string, convert: (saved: Saved, library: string) => Saved | null): Field {
  const isNone = (value: unknown): boolean => value === null || value === undefined;
  return {
    keras: key,
    tfjs: key,
    toKeras: (value) => (isNone(value) ? null : inModule(module, convert(value as Saved, 'Keras 3'))),
    toTfjs: (value) => (isNone(value) ? null : convert(value as Saved, 'TensorFlow.js')),
  };
}

function known<T>(key: string, className: string, library: string, _value: T): never {
  throw new Unmappable(`${key}: ${library} has no ${className}`);
}

/** How Keras 3 names a class of its own. */
export function inModule(module: string, saved: { readonly class_name: string; readonly config: Config } | null) {
  return saved === null ? null : { module, ...saved, registered_name: null };
}

function pick(config: Config, keys: readonly string[]): Config {
  return Object.fromEntries(keys.flatMap((key) => (config[key] === undefined ? [] : [[key, config[key]]])));
}

function snakeCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
