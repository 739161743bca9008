import { at, LockstepError } from '../../shared/core/index.ts';
import {
  isOneLoss,
  type Loss,
  type Metric,
  type MetricConfig,
  type Metrics,
  perOutput,
  readLosses,
  readMetrics,
  resolveMetricOrFunction,
} from '../../shared/job/index.ts';
import type { MetricDefinition } from '../../shared/metrics/index.ts';
import type { ModelPort } from './check-data.ts';
import type { TrainerOptions } from './engine.ts';
import { fittingCrossentropy, goesToLogits, type ResolvedLoss, type SampleLoss, sampleLoss } from './losses.ts';
import {
  type MetricShapes,
  meanMetric,
  type PlannedMetric,
  planMetric,
  type SampleMetric,
} from './metrics/sample-metric.ts';
import { ownLoss, ownMetric } from './own-functions.ts';
import { ownScope } from './own-scope.ts';
import { encodingOf } from './target-encoding.ts';

/** The loss of one output, [rows]; it counts `weight` times in the sum. */
export interface OutputLoss {
  readonly output: number;
  readonly weight: number;
  readonly run: SampleLoss;
  /** The job's: a kind, or null for a function of its own. */
  readonly config: ResolvedLoss | null;
}

/** A metric of one output. */
export interface OutputMetric {
  readonly output: number;
  readonly run: SampleMetric;
  readonly definition: MetricDefinition;
  /**
   * How samples' weights count: not at all; in a weighted mean, whose weights are summed as well; or as in the loss, where
   * the weighted sum is divided by the number of samples.
   */
  readonly weighting: 'none' | 'mean' | 'sum';
  /** What the job named; null for a function of its own and for an output's loss. */
  readonly config: MetricConfig | null;
  /** The place of a function of the job's own. */
  readonly scope: string | null;
}

/** @throws LockstepError job/invalid */
export function planLosses(
  { loss, lossWeights = null, targets }: TrainerOptions,
  outputs: readonly ModelPort[],
): OutputLoss[] {
  const names = outputs.map(({ layer }) => layer);
  const given = perOutput<Loss>('loss', readLosses(loss), names, isOneLoss);
  const isNone = (value: unknown): value is number => value === 1;
  const weights = perOutput<number>('lossWeights', lossWeights ?? 1, names, isNone);
  const planned = given.flatMap((own, output): OutputLoss[] => {
    if (own === null) return [];
    const weight = weights[output] ?? 1;
    if (typeof own === 'function') return [{ output, weight, run: ownLoss(own), config: null }];
    const shape = at(outputs, output).shape;
    const fitting = () => fittingCrossentropy(encodingOf(targets[output]?.shape ?? [], shape));
    const config = own.kind === 'crossentropy' ? fitting() : own;
    return [{ output, weight, run: sampleLoss(config), config }];
  });
  const missing = names.filter((_, output) => !planned.some((one) => one.output === output));
  if (missing.length === 0 || (Array.isArray(loss) && planned.length > 0)) return planned;
  throw new LockstepError('job/invalid', `loss names none for ${missing.join(' and ')}; every output needs one.`);
}

/**
 * The metrics in Keras's order and by its names (keras/src/trainers/compile_utils.py): with several outputs their losses,
 * then metrics, then weighted ones, with the output's name in front.
 * @throws LockstepError job/invalid
 */
export function planMetrics(
  { metrics, weightedMetrics = [], targets }: TrainerOptions,
  outputs: readonly ModelPort[],
  losses: readonly OutputLoss[],
): OutputMetric[] {
  const names = outputs.map(({ layer }) => layer);
  const planned: OutputMetric[] = losses.length > 1 ? losses.map((loss) => lossMetric(loss, names)) : [];
  for (const [field, given] of Object.entries({ metrics, weightedMetrics })) {
    const weighting = field === 'metrics' ? 'none' : 'mean';
    for (const [output, list] of byOutput(field, readMetrics(field, given, resolveMetricOrFunction), names).entries()) {
      const prefix = names.length === 1 ? '' : `${names[output]}_`;
      const shapes = { target: targets[output]?.shape ?? [], output: at(outputs, output).shape };
      for (const metric of list) {
        const isTaken = planned.some(({ definition }) => definition.name === prefix + metric.name);
        const name = isTaken ? `${prefix}weighted_${metric.name}` : prefix + metric.name;
        planned.push(outputMetric(metric, { name, output, weighting }, shapes));
      }
    }
  }
  return planned;
}

/** The loss of one of several outputs, without its weight in the sum, as Keras reports it. */
function lossMetric({ output, run }: OutputLoss, names: readonly string[]): OutputMetric {
  const part = { output, weighting: 'sum', config: null, scope: null } as const;
  return withDefinition(`${names[output]}_loss`, part, meanMetric(run));
}

function outputMetric(
  metric: Metric,
  { name, ...part }: Pick<OutputMetric, 'output' | 'weighting'> & { readonly name: string },
  shapes: MetricShapes,
): OutputMetric {
  if (typeof metric !== 'function') {
    return withDefinition(name, { ...part, config: metric, scope: null }, planMetric(metric, shapes));
  }
  const scope = ownScope.metric(metric.name);
  return withDefinition(name, { ...part, config: null, scope }, meanMetric(ownMetric(metric)));
}

function withDefinition(
  name: string,
  part: Omit<OutputMetric, 'definition' | 'run'>,
  { run, width, classes }: PlannedMetric,
): OutputMetric {
  const weighted = part.weighting === 'mean';
  const config = part.config ?? ({ kind: 'mean' } as const);
  return { ...part, run, definition: { name, config, classes, weighted, width: width + (weighted ? 1 : 0) } };
}

/** Whether a loss or metric goes back to the logits of its output. */
export function usesLogits(losses: readonly OutputLoss[], metrics: readonly OutputMetric[]): boolean {
  return [...losses, ...metrics].some(({ config }) => config !== null && goesToLogits(config.kind));
}

/** In an array without arrays the metrics are those of the only output, or one for each of several. */
function byOutput(field: string, metrics: Metrics, outputs: readonly string[]): (readonly Metric[])[] {
  const isEmpty = Array.isArray(metrics) && metrics.length === 0;
  if (isEmpty) return outputs.map(() => []);
  const isFlat = Array.isArray(metrics) && !metrics.some(Array.isArray);
  if (isFlat && outputs.length === 1) return [metrics as readonly Metric[]];
  const given = isFlat ? (metrics as readonly Metric[]).map((metric) => [metric]) : metrics;
  const isOne = (_value: unknown): _value is readonly Metric[] => false;
  return perOutput(field, given as readonly (readonly Metric[])[], outputs, isOne).map((list) => list ?? []);
}
