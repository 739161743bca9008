import { at } from '../core/index.ts';
import type { MetricConfig, Thresholds } from '../job/index.ts';
import { area } from './areas.ts';
import { fScore, matrixOf, meanIntersectionOverUnion, r2Score } from './class-scores.ts';
import type { MetricDefinition, MetricValue } from './definition.ts';
import { ratio, type ThresholdCounts, thresholdCounts } from './threshold-counts.ts';
import { aucThresholds, givenThresholds } from './thresholds.ts';

/** What a count needs to know of its thresholds. */
interface Counted {
  readonly thresholds: Thresholds | null;
  readonly topK?: number | null;
}

/** A metric's value from its sums over `samples` samples; what Keras's `result()` gives. */
export function metricValue(
  { config, classes, weighted, width }: MetricDefinition,
  given: readonly number[],
  samples: number,
): MetricValue {
  const sums = weighted ? given.slice(0, -1) : given;
  const count = weighted ? at(given, width - 1) : samples;
  switch (config.kind) {
    case 'truePositives':
    case 'falsePositives':
    case 'trueNegatives':
    case 'falseNegatives':
      return byThreshold(sums, config, (counts, index) => at(counts[config.kind], index));
    case 'precision':
      return byThreshold(sums, config, precisionAt);
    case 'recall':
      return byThreshold(sums, config, recallAt);
    case 'sensitivityAtSpecificity':
      return best(sums, config, recallAt, specificityAt, config.specificity);
    case 'specificityAtSensitivity':
      return best(sums, config, specificityAt, recallAt, config.sensitivity);
    case 'precisionAtRecall':
      return best(sums, config, precisionAt, recallAt, config.recall);
    case 'recallAtPrecision':
      return best(sums, config, recallAt, precisionAt, config.precision);
    case 'auc':
      return meanArea(sums, config, classes);
    case 'f1Score':
      return fScore(sums, classes, 1, config.average);
    case 'fBetaScore':
      return fScore(sums, classes, config.beta, config.average);
    case 'confusionMatrix':
      return matrixOf(sums, classes);
    case 'meanIoU':
    case 'oneHotMeanIoU':
      return meanIntersectionOverUnion(sums, classes, [...Array(classes).keys()]);
    case 'binaryIoU':
      return meanIntersectionOverUnion(sums, classes, config.targetClassIds);
    case 'r2Score':
      return r2Score(sums, { values: classes, count, samples }, config);
    case 'rootMeanSquaredError':
      return Math.sqrt(ratio(at(sums, 0), count));
    default:
      return ratio(at(sums, 0), count);
  }
}

type AtThreshold = (counts: ThresholdCounts, index: number) => number;

const precisionAt: AtThreshold = ({ truePositives, falsePositives }, index) =>
  ratio(at(truePositives, index), at(truePositives, index) + at(falsePositives, index));

const recallAt: AtThreshold = ({ truePositives, falseNegatives }, index) =>
  ratio(at(truePositives, index), at(truePositives, index) + at(falseNegatives, index));

const specificityAt: AtThreshold = ({ trueNegatives, falsePositives }, index) =>
  ratio(at(trueNegatives, index), at(trueNegatives, index) + at(falsePositives, index));

/** At one threshold a number, at several a list in the order in which they were given. */
function byThreshold(sums: readonly number[], config: Counted, value: AtThreshold): MetricValue {
  const { thresholds } = givenThresholds(config.thresholds, config.topK ?? null);
  const counts = thresholdCounts(sums, thresholds.length);
  const given = [config.thresholds ?? at(thresholds, 0)].flat();
  const values = given.map((threshold) => value(counts, thresholds.indexOf(threshold)));
  return values.length === 1 ? at(values, 0) : values;
}

/** The greatest `value` where `constraint` is at least `least`, over all thresholds; 0 where it never is. */
function best(
  sums: readonly number[],
  { numThresholds }: { readonly numThresholds: number },
  value: AtThreshold,
  constraint: AtThreshold,
  least: number,
): number {
  const counts = thresholdCounts(sums, numThresholds);
  const feasible = [...Array(numThresholds).keys()].filter((index) => constraint(counts, index) >= least);
  return Math.max(0, ...feasible.map((index) => value(counts, index)));
}

function meanArea(sums: readonly number[], config: Extract<MetricConfig, { kind: 'auc' }>, labels: number): number {
  const { thresholds } = aucThresholds(config.numThresholds, config.thresholds);
  const width = 2 * (thresholds.length + 1);
  if (!config.multiLabel) return area(thresholdCounts(sums, thresholds.length), config);
  let sum = 0;
  let all = 0;
  for (let label = 0; label < labels; label++) {
    const weight = config.labelWeights?.[label] ?? 1;
    sum += weight * area(thresholdCounts(sums.slice(label * width, (label + 1) * width), thresholds.length), config);
    all += weight;
  }
  return ratio(sum, all);
}
