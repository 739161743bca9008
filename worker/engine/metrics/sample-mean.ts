import type { LossName, MetricConfig, MetricName } from '../../../shared/job/index.ts';
import { cosine, type ResolvedLoss, type SampleLoss, sampleLoss } from '../losses.ts';
import { encodingOf } from '../target-encoding.ts';
import {
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from './accuracy.ts';
import type { MetricShapes } from './sample-metric.ts';

/** Metrics that are the mean of a loss of the same name. */
const losses = [
  'meanSquaredError',
  'meanAbsoluteError',
  'meanAbsolutePercentageError',
  'meanSquaredLogarithmicError',
  'klDivergence',
  'poisson',
  'hinge',
  'squaredHinge',
  'categoricalHinge',
  'binaryCrossentropy',
  'categoricalCrossentropy',
  'sparseCategoricalCrossentropy',
] as const satisfies readonly (MetricName & LossName)[];

/** Keras's threshold: a probability above it predicts the class. */
const BINARY_THRESHOLD = 0.5;

/** What a metric is the mean of, for each sample; undefined for a metric that is no such mean. */
export function sampleMean(config: MetricConfig, { target, output }: MetricShapes): SampleLoss | undefined {
  switch (config.kind) {
    case 'accuracy':
      return {
        binary: binaryAccuracy(BINARY_THRESHOLD),
        sparse: sparseCategoricalAccuracy,
        categorical: categoricalAccuracy,
      }[encodingOf(target, output)];
    case 'binaryAccuracy':
      return binaryAccuracy(config.threshold);
    case 'categoricalAccuracy':
      return categoricalAccuracy;
    case 'sparseCategoricalAccuracy':
      return sparseCategoricalAccuracy;
    case 'topKCategoricalAccuracy':
      return topKCategoricalAccuracy(config.k);
    case 'sparseTopKCategoricalAccuracy':
      return sparseTopKCategoricalAccuracy(config.k);
    case 'rootMeanSquaredError':
      return sampleLoss({ kind: 'meanSquaredError' });
    case 'logCoshError':
      return sampleLoss({ kind: 'logCosh' });
    case 'cosineSimilarity':
      return cosine;
    default: {
      const isLoss = (losses as readonly string[]).includes(config.kind);
      return isLoss ? sampleLoss(config as unknown as ResolvedLoss) : undefined;
    }
  }
}
