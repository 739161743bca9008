import { LockstepError } from '../core/index.ts';
import type { MetricConfig, MetricName } from './metric-config.ts';
import { metricNames, resolveMetric } from './names.ts';
import {
  amountList,
  completeOptions,
  count,
  flag,
  fraction,
  fractionList,
  fractions,
  natural,
  naturalList,
  type OptionReader,
  oneOf,
  orNull,
  positive,
  text,
} from './options.ts';

/** Also of a config for several kinds. */
type ConfigOf<Name extends MetricName, Config = MetricConfig> = Config extends { readonly kind: infer Kind }
  ? Name extends Kind
    ? Config & { readonly kind: Name }
    : never
  : never;
/** What a user may set on a metric; the rest keeps Keras 3's defaults. */
export type MetricOptions<Name extends MetricName> = Partial<Omit<ConfigOf<Name>, 'kind'>>;
type Given<Name extends MetricName, Needed extends keyof ConfigOf<Name>> = MetricOptions<Name> &
  Pick<ConfigOf<Name>, Needed>;

const needed = Symbol('needed');

/** An option's reader and its default. */
type Option = readonly [OptionReader, unknown];

const entropy: Readonly<Record<string, Option>> = { fromLogits: [flag, false], labelSmoothing: [fraction, 0] };
const counted: Readonly<Record<string, Option>> = { thresholds: [orNull(fractions), null] };
const retrieved: Readonly<Record<string, Option>> = {
  ...counted,
  topK: [orNull(count), null],
  classId: [orNull(natural), null],
};
const swept: Readonly<Record<string, Option>> = { numThresholds: [count, 200], classId: [orNull(natural), null] };
const scored: Readonly<Record<string, Option>> = {
  average: [orNull(oneOf('micro', 'macro', 'weighted')), null],
  threshold: [orNull(fraction), null],
};
const ignored: Option = [orNull(natural), null];

/** A metric that is not here has no option but its name. */
const options: Partial<Record<MetricName, Readonly<Record<string, Option>>>> = {
  binaryAccuracy: { threshold: [fraction, 0.5] },
  topKCategoricalAccuracy: { k: [count, 5] },
  sparseTopKCategoricalAccuracy: { k: [count, 5] },
  binaryCrossentropy: entropy,
  categoricalCrossentropy: entropy,
  sparseCategoricalCrossentropy: { fromLogits: [flag, false] },
  truePositives: counted,
  falsePositives: counted,
  trueNegatives: counted,
  falseNegatives: counted,
  precision: retrieved,
  recall: retrieved,
  auc: {
    numThresholds: [count, 200],
    curve: [oneOf('ROC', 'PR'), 'ROC'],
    summationMethod: [oneOf('interpolation', 'minoring', 'majoring'), 'interpolation'],
    thresholds: [orNull(fractionList), null],
    multiLabel: [flag, false],
    labelWeights: [orNull(amountList), null],
    fromLogits: [flag, false],
  },
  sensitivityAtSpecificity: { specificity: [fraction, needed], ...swept },
  specificityAtSensitivity: { sensitivity: [fraction, needed], ...swept },
  precisionAtRecall: { recall: [fraction, needed], ...swept },
  recallAtPrecision: { precision: [fraction, needed], ...swept },
  f1Score: scored,
  fBetaScore: { beta: [positive, 1], ...scored },
  confusionMatrix: { threshold: [fraction, 0.5] },
  meanIoU: {
    numClasses: [count, needed],
    ignoreClass: ignored,
    sparseYTrue: [flag, true],
    sparseYPred: [flag, true],
  },
  oneHotMeanIoU: { numClasses: [count, needed], ignoreClass: ignored },
  binaryIoU: { targetClassIds: [naturalList, [0, 1]], threshold: [fraction, 0.5] },
  r2Score: {
    classAggregation: [orNull(oneOf('uniform_average', 'variance_weighted_average')), 'uniform_average'],
    numRegressors: [natural, 0],
  },
};

/** Options without a default. */
interface NeededOptions {
  readonly sensitivityAtSpecificity: 'specificity';
  readonly specificityAtSensitivity: 'sensitivity';
  readonly precisionAtRecall: 'recall';
  readonly recallAtPrecision: 'precision';
  readonly meanIoU: 'numClasses';
  readonly oneHotMeanIoU: 'numClasses';
}

type Factories = {
  readonly [Name in MetricName]: Name extends keyof NeededOptions
    ? (options: Given<Name, NeededOptions[Name] & keyof ConfigOf<Name>>) => ConfigOf<Name>
    : (options?: MetricOptions<Name>) => ConfigOf<Name>;
};

/**
 * Metrics for a job's `metrics`, with Keras 3's names and defaults (docs/metrics.md): each takes its options
 * and `name`, under which it is reported, and throws LockstepError job/invalid on a bad option.
 */
export const metrics = Object.fromEntries(
  metricNames.map((kind) => [kind, (given: object = {}) => complete(kind, given)]),
) as unknown as Factories;

/**
 * A named metric with every default filled in: a name, or what a function of `metrics` returned.
 * @throws LockstepError job/invalid with the nearest known name or option
 */
export function resolveMetricConfig(nameOrConfig: unknown): MetricConfig {
  if (typeof nameOrConfig !== 'object' || nameOrConfig === null || !('kind' in nameOrConfig)) {
    return complete(resolveMetric(nameOrConfig), {});
  }
  const { kind, ...given } = nameOrConfig;
  return complete(resolveMetric(kind), given);
}

function complete(kind: MetricName, given: object): MetricConfig {
  const own = Object.entries(options[kind] ?? {});
  const readers = Object.fromEntries(own.map(([option, [read]]) => [option, read]));
  const defaults = Object.fromEntries(own.map(([option, [, value]]) => [option, value]));
  const known = { ...readers, name: text };
  const config = completeOptions(`metric ${kind}`, known, { kind, name: kind, ...defaults }, given);
  const missing = own.find(([option]) => config[option] === needed)?.[0];
  if (missing === undefined) return config as unknown as MetricConfig;
  throw new LockstepError('job/invalid', `metric ${kind} needs ${missing}: metrics.${kind}({ ${missing}: … }).`);
}
