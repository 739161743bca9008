import { editDistance, LockstepError } from '../core/index.ts';
import type { OnNonFinite, Precision } from './job.ts';
import type { LossName } from './loss-config.ts';
import type { MetricName } from './metric-config.ts';
import type { OptimizerName } from './optimizer-config.ts';

/** Every name that a job file may use, in the order in which messages list them. */
export const lossNames: readonly LossName[] = [
  'categoricalCrossentropy',
  'sparseCategoricalCrossentropy',
  'binaryCrossentropy',
  'crossentropy',
  'categoricalFocalCrossentropy',
  'binaryFocalCrossentropy',
  'meanSquaredError',
  'meanAbsoluteError',
  'meanAbsolutePercentageError',
  'meanSquaredLogarithmicError',
  'huber',
  'logCosh',
  'cosineSimilarity',
  'hinge',
  'squaredHinge',
  'categoricalHinge',
  'klDivergence',
  'poisson',
];

export const metricNames: readonly MetricName[] = [
  'accuracy',
  'categoricalAccuracy',
  'sparseCategoricalAccuracy',
  'binaryAccuracy',
  'topKCategoricalAccuracy',
  'sparseTopKCategoricalAccuracy',
  'precision',
  'recall',
  'f1Score',
  'fBetaScore',
  'auc',
  'confusionMatrix',
  'truePositives',
  'falsePositives',
  'trueNegatives',
  'falseNegatives',
  'sensitivityAtSpecificity',
  'specificityAtSensitivity',
  'precisionAtRecall',
  'recallAtPrecision',
  'meanSquaredError',
  'rootMeanSquaredError',
  'meanAbsoluteError',
  'meanAbsolutePercentageError',
  'meanSquaredLogarithmicError',
  'logCoshError',
  'cosineSimilarity',
  'r2Score',
  'categoricalCrossentropy',
  'sparseCategoricalCrossentropy',
  'binaryCrossentropy',
  'klDivergence',
  'poisson',
  'hinge',
  'squaredHinge',
  'categoricalHinge',
  'meanIoU',
  'oneHotMeanIoU',
  'binaryIoU',
];

export const optimizerNames: readonly OptimizerName[] = [
  'sgd',
  'adam',
  'adamW',
  'rmsprop',
  'adagrad',
  'adadelta',
  'adamax',
  'nadam',
];

export const nonFinitePolicies: readonly OnNonFinite[] = ['stop', 'skip'];

export const precisions: readonly Precision[] = ['float32', 'mixed_bfloat16'];

/** Other spellings that Keras and tfjs accept for the same thing, in the form that `normalize` gives. */
const aliases: Readonly<Record<string, string>> = {
  acc: 'accuracy',
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  mape: 'meanAbsolutePercentageError',
  msle: 'meanSquaredLogarithmicError',
  bce: 'binaryCrossentropy',
  ce: 'crossentropy',
  rmse: 'rootMeanSquaredError',
  logcosh: 'logCoshError',
  f1: 'f1Score',
  fbeta: 'fBetaScore',
  kld: 'klDivergence',
  kullbackleiblerdivergence: 'klDivergence',
};

/**
 * The loss called `name`, in any of Keras's spellings (`categorical_crossentropy`, `mse`, …).
 * @throws LockstepError job/invalid with the nearest known name
 */
export function resolveLoss(name: unknown): LossName {
  return resolveName('loss', name, lossNames);
}

/** @throws LockstepError job/invalid with the nearest known name */
export function resolveMetric(name: unknown): MetricName {
  return resolveName('metric', name, metricNames);
}

/** @throws LockstepError job/invalid with the nearest known name */
export function resolvePrecision(name: unknown): Precision {
  return resolveName('precision', name, precisions);
}

/** The one of `known` that `name` means; `what` is for the message. Case, `_` and `-` don't count. */
export function resolveName<Name extends string>(what: string, name: unknown, known: readonly Name[]): Name {
  if (typeof name === 'string') {
    const wanted = normalize(name);
    const alias = Object.hasOwn(aliases, wanted) ? aliases[wanted] : undefined;
    const called = (meant: string) => known.find((candidate) => normalize(candidate) === normalize(meant));
    const found = called(wanted) ?? called(alias ?? wanted);
    if (found !== undefined) return found;
  }
  const shown = typeof name === 'string' ? `"${name}"` : `a value of type ${name === null ? 'null' : typeof name}`;
  const hint = typeof name === 'string' ? `; did you mean "${nearestName(name, known)}"?` : '.';
  throw new LockstepError('job/invalid', `unknown ${what} ${shown}${hint} Known: ${known.join(', ')}.`);
}

/** The known name with the fewest edits from `name`, regardless of case. */
export function nearestName<Name extends string>(name: string, known: readonly Name[]): Name {
  const wanted = normalize(name);
  const distances = known.map((candidate) => editDistance(wanted, normalize(candidate)));
  return known[distances.indexOf(Math.min(...distances))] as Name;
}

function normalize(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-\s]/g, '');
}
