import type { LossConfig, LossName } from './loss-config.ts';
import { resolveLoss } from './names.ts';
import { amount, completeOptions, flag, fraction, type OptionReader, positive } from './options.ts';

type ConfigOf<Name extends LossName> = Extract<LossConfig, { kind: Name }>;
/** What a user may set on a loss; the rest keeps Keras 3's defaults. */
export type LossOptions<Name extends LossName> = Partial<Omit<ConfigOf<Name>, 'kind'>>;

const ofProbabilities = { fromLogits: false, labelSmoothing: 0 };

/** The defaults of each option; a loss that is not here has none. */
const defaults: Partial<Record<LossName, Readonly<Record<string, unknown>>>> = {
  huber: { delta: 1 },
  categoricalCrossentropy: ofProbabilities,
  binaryCrossentropy: ofProbabilities,
  sparseCategoricalCrossentropy: { fromLogits: false },
  binaryFocalCrossentropy: { applyClassBalancing: false, alpha: 0.25, gamma: 2, ...ofProbabilities },
  categoricalFocalCrossentropy: { alpha: 0.25, gamma: 2, ...ofProbabilities },
};

const readers: Readonly<Record<string, OptionReader>> = {
  delta: positive,
  fromLogits: flag,
  labelSmoothing: fraction,
  applyClassBalancing: flag,
  alpha: amount,
  gamma: amount,
};

/** Losses for a job's `loss`, with Keras 3's names and defaults; each throws LockstepError job/invalid on a bad option. */
export const losses = {
  /** Mean of (y − p)². */
  meanSquaredError: () => complete('meanSquaredError'),
  /** Mean of |y − p|. */
  meanAbsoluteError: () => complete('meanAbsoluteError'),
  /** Mean of 100·|(y − p) / y|. */
  meanAbsolutePercentageError: () => complete('meanAbsolutePercentageError'),
  /** Mean of (log(1 + y) − log(1 + p))². */
  meanSquaredLogarithmicError: () => complete('meanSquaredLogarithmicError'),
  /** Quadratic up to an error of `delta`, linear from there on. */
  huber: (options: LossOptions<'huber'> = {}) => complete('huber', options),
  /** Mean of log cosh(p − y). */
  logCosh: () => complete('logCosh'),
  /** −cos of the angle between y and p over the last axis: −1 where they point the same way. */
  cosineSimilarity: () => complete('cosineSimilarity'),
  /** Mean of max(1 − y·p, 0), with y of −1 and 1; 0 counts as −1. */
  hinge: () => complete('hinge'),
  /** Mean of max(1 − y·p, 0)². */
  squaredHinge: () => complete('squaredHinge'),
  /** max(greatest p of a wrong class − p of the right one + 1, 0). */
  categoricalHinge: () => complete('categoricalHinge'),
  /** Σ y·log(y / p). */
  klDivergence: () => complete('klDivergence'),
  /** Mean of p − y·log p. */
  poisson: () => complete('poisson'),
  /** One-hot targets. */
  categoricalCrossentropy: (options: LossOptions<'categoricalCrossentropy'> = {}) =>
    complete('categoricalCrossentropy', options),
  /** Class numbers as targets. */
  sparseCategoricalCrossentropy: (options: LossOptions<'sparseCategoricalCrossentropy'> = {}) =>
    complete('sparseCategoricalCrossentropy', options),
  /** Targets of 0 and 1, or between. */
  binaryCrossentropy: (options: LossOptions<'binaryCrossentropy'> = {}) => complete('binaryCrossentropy', options),
  /** Binary cross-entropy that counts what is well predicted already less (Lin et al., 2018). */
  binaryFocalCrossentropy: (options: LossOptions<'binaryFocalCrossentropy'> = {}) =>
    complete('binaryFocalCrossentropy', options),
  /** The same for one-hot targets. */
  categoricalFocalCrossentropy: (options: LossOptions<'categoricalFocalCrossentropy'> = {}) =>
    complete('categoricalFocalCrossentropy', options),
  /** The cross-entropy that fits the shapes: binary for one output, sparse for class numbers, else categorical. */
  crossentropy: () => complete('crossentropy'),
} satisfies { readonly [Name in LossName]: (options?: LossOptions<Name>) => LossConfig };

/**
 * A named loss with every default filled in: a name, or what a function of `losses` returned.
 * @throws LockstepError job/invalid with the nearest known name or option
 */
export function resolveLossConfig(nameOrConfig: unknown): LossConfig {
  if (typeof nameOrConfig !== 'object' || nameOrConfig === null || !('kind' in nameOrConfig)) {
    return complete(resolveLoss(nameOrConfig));
  }
  const { kind, ...options } = nameOrConfig;
  return complete(resolveLoss(kind), options);
}

function complete<Name extends LossName>(kind: Name, options: object = {}): ConfigOf<Name> {
  const own = defaults[kind] ?? {};
  const known = Object.fromEntries(Object.entries(readers).filter(([option]) => Object.hasOwn(own, option)));
  return completeOptions(`loss ${kind}`, known, { kind, ...own }, options) as unknown as ConfigOf<Name>;
}
