import { LockstepError } from '../core/index.ts';
import type { Job, MetricName, OwnSampleFunction } from './job.ts';
import type { LossConfig, LossName } from './loss-config.ts';
import { resolveLossConfig } from './losses.ts';
import { metricNames, resolveMetric } from './names.ts';

/** @throws LockstepError job/invalid with the nearest known name */
export function readLoss(loss: unknown): LossConfig | OwnSampleFunction {
  return typeof loss === 'function' ? (loss as OwnSampleFunction) : resolveLossConfig(loss);
}

/** @throws LockstepError job/invalid for an unknown name, and for a function that has no name of its own */
export function readMetric(metric: unknown): MetricName | OwnSampleFunction {
  if (typeof metric !== 'function') return resolveMetric(metric);
  const { name } = metric;
  const problem =
    name === ''
      ? 'has no name'
      : name === 'loss' || (metricNames as readonly string[]).includes(name)
        ? `is called "${name}", which means something else`
        : undefined;
  if (problem === undefined) return metric as OwnSampleFunction;
  throw new LockstepError(
    'job/invalid',
    `a metric function ${problem}; results are reported under its name: metrics: [function topFive(yTrue, yPred) { … }]`,
  );
}

/** Under what a metric is reported. */
export function metricName(metric: Job['metrics'][number]): string {
  return typeof metric === 'function' ? metric.name : metric;
}

/** As messages call a job's loss. */
export function lossName(loss: Job['loss'] | LossName): string {
  if (typeof loss === 'string') return loss;
  if (typeof loss !== 'function') return loss.kind;
  return loss.name === '' || loss.name === 'loss' ? 'a loss of its own' : `a loss of its own (${loss.name})`;
}
