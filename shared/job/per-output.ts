import { LockstepError } from '../core/index.ts';
import { show } from './checks.ts';
import type { LossConfig, LossName } from './loss-config.ts';
import { resolveLossConfig } from './losses.ts';
import type { MetricConfig, MetricName } from './metric-config.ts';
import { resolveMetricConfig } from './metrics.ts';
import { metricNames, nearestName } from './names.ts';

/**
 * A loss or metric of the user's own, over tf ops: one value per sample, [batch], or [batch, …], whose mean over all but
 * the first dimension is taken. `worker/engine` types its tensors (`OwnFunction` there); shared/ doesn't import tfjs.
 */
export type OwnSampleFunction = (yTrue: never, yPred: never, mask: never) => unknown;

/** One for all outputs of a model, one for each in their order, or by the outputs' names. */
export type PerOutput<T> = T | readonly (T | null)[] | Readonly<Record<string, T>>;

export type Loss = LossConfig | OwnSampleFunction;
export type Metric = MetricConfig | OwnSampleFunction;
export type Losses = PerOutput<Loss>;
/** In an array: those of a model with one output, or an array for each output. */
export type Metrics = readonly Metric[] | readonly (readonly Metric[])[] | Readonly<Record<string, readonly Metric[]>>;
export type LossWeights = readonly number[] | Readonly<Record<string, number>>;

/** What a job file may write for them, with `Own` as its functions. */
export type LossInput<Own> = LossName | LossConfig | Own;
export type MetricInput<Own> = MetricName | MetricConfig | Own;
export type MetricsInput<Own> =
  | readonly (MetricInput<Own> | readonly MetricInput<Own>[])[]
  | Readonly<Record<string, MetricInput<Own> | readonly MetricInput<Own>[]>>;

/** @throws LockstepError job/invalid with the nearest known name */
export function readLosses(given: unknown): Losses {
  if (Array.isArray(given)) return given.map((loss: unknown) => (loss === null ? null : readLoss(loss)));
  if (!isByName(given)) return readLoss(given);
  return Object.fromEntries(Object.entries(given).map(([output, loss]) => [output, readLoss(loss)]));
}

/**
 * @param read of one metric; `resolveMetricOrFunction` where functions may be called as named metrics are
 * @throws LockstepError job/invalid
 */
export function readMetrics(field: string, given: unknown, read = readMetric): Metrics {
  const each = (list: unknown): readonly Metric[] => withoutTwins(field, [list].flat().map(read));
  if (Array.isArray(given)) return given.some(Array.isArray) ? given.map(each) : each(given);
  if (isByName(given)) return Object.fromEntries(Object.entries(given).map(([output, list]) => [output, each(list)]));
  throw new LockstepError(
    'job/invalid',
    `${field} must be an array of names, metrics or functions, or such arrays by output, got ${show(given)}.`,
  );
}

/** @throws LockstepError job/invalid */
export function readLossWeights(given: unknown): LossWeights {
  const values = typeof given === 'object' && given !== null ? Object.values(given) : [];
  if (values.length > 0 && values.every(Number.isFinite)) return given as LossWeights;
  throw new LockstepError(
    'job/invalid',
    `lossWeights must be an array of numbers, one for each output, or numbers by output, got ${show(given)}.`,
  );
}

/**
 * What `given` means for each of the outputs.
 * @param isOne whether it is one for all, and no list or record
 * @throws LockstepError job/invalid with the outputs' names
 */
export function perOutput<T>(
  field: string,
  given: PerOutput<T>,
  outputs: readonly string[],
  isOne: (value: PerOutput<T>) => value is T,
): (T | null)[] {
  if (isOne(given)) return outputs.map(() => given);
  const names = `the model has ${outputs.length} outputs: ${outputs.join(', ')}`;
  if (Array.isArray(given)) {
    if (given.length === outputs.length) return given as (T | null)[];
    throw new LockstepError('job/invalid', `${field} has ${given.length} entries, but ${names}.`);
  }
  const byName = given as Readonly<Record<string, T>>;
  const unknown = Object.keys(byName).find((name) => !outputs.includes(name));
  if (unknown === undefined) return outputs.map((name) => byName[name] ?? null);
  const near = nearestName(unknown, outputs);
  throw new LockstepError(
    'job/invalid',
    `${field} names an output "${unknown}"; did you mean "${near}"? But ${names}.`,
  );
}

/** @throws LockstepError job/invalid with the nearest known name */
function readLoss(loss: unknown): Loss {
  return typeof loss === 'function' ? (loss as OwnSampleFunction) : resolveLossConfig(loss);
}

/** @throws LockstepError job/invalid for an unknown name */
export function resolveMetricOrFunction(metric: unknown): Metric {
  return typeof metric === 'function' ? (metric as OwnSampleFunction) : resolveMetricConfig(metric);
}

/** @throws LockstepError job/invalid for an unknown name, and for a function that has no name of its own */
function readMetric(given: unknown): Metric {
  const metric = resolveMetricOrFunction(given);
  if (typeof metric !== 'function') return metric;
  const { name } = metric;
  const problem =
    name === ''
      ? 'has no name'
      : name === 'loss' || (metricNames as readonly string[]).includes(name)
        ? `is called "${name}", which means something else`
        : undefined;
  if (problem === undefined) return metric;
  throw new LockstepError(
    'job/invalid',
    `a metric function ${problem}; results are reported under its name: metrics: [function topFive(yTrue, yPred) { … }]`,
  );
}

function withoutTwins(field: string, metrics: readonly Metric[]): readonly Metric[] {
  const names = metrics.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated === undefined) return metrics;
  throw new LockstepError('job/invalid', `${field} name "${repeated}" twice; give one of them a \`name\`.`);
}

function isByName(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('kind' in value);
}

export function isOneLoss(value: Losses): value is Loss {
  return typeof value === 'function' || (!Array.isArray(value) && !isByName(value));
}

/** As messages call a job's loss. */
export function lossName(loss: Losses | LossName): string {
  if (typeof loss === 'string') return loss;
  if (!isOneLoss(loss)) return `${Object.keys(loss).length} losses`;
  if (typeof loss !== 'function') return loss.kind;
  return loss.name === '' || loss.name === 'loss' ? 'a loss of its own' : `a loss of its own (${loss.name})`;
}
