import type { MetricName } from '../../shared/job/index.ts';
import { likePrediction, meanPerSample, type SampleLoss, sampleLoss } from './losses.ts';
import { encodingOf } from './target-encoding.ts';
import { tf } from './tf.ts';

/** Keras's threshold: a probability above it predicts the class. */
const BINARY_THRESHOLD = 0.5;

export type ResolvedMetricName = Exclude<MetricName, 'accuracy'>;

/** Value of a metric for each sample, [rows]; a metric is their mean. Formulas of keras/src/metrics/accuracy_metrics.py. */
export const sampleMetrics: { readonly [Name in ResolvedMetricName]: SampleLoss } = {
  categoricalAccuracy: (target, prediction) =>
    hits(tf.argMax(likePrediction(target, prediction), -1), tf.argMax(prediction, -1)),

  sparseCategoricalAccuracy: (target, prediction) => {
    const labels = tf.cast(tf.reshape(target, prediction.shape.slice(0, -1)), 'int32');
    return hits(labels, tf.argMax(prediction, -1));
  },

  binaryAccuracy: (target, prediction) => {
    const predicted = tf.cast(tf.greater(prediction, BINARY_THRESHOLD), 'float32');
    return hits(likePrediction(target, prediction), predicted);
  },

  meanSquaredError: sampleLoss({ kind: 'meanSquaredError' }),
  meanAbsoluteError: sampleLoss({ kind: 'meanAbsoluteError' }),
};

const accuracies = {
  binary: 'binaryAccuracy',
  sparse: 'sparseCategoricalAccuracy',
  categorical: 'categoricalAccuracy',
} as const;

/** What `accuracy` means for shapes of one sample's target and prediction. */
export function resolveAccuracy(
  name: MetricName,
  target: readonly number[],
  output: readonly (number | null)[],
): ResolvedMetricName {
  if (name !== 'accuracy') return name;
  return accuracies[encodingOf(target, output)];
}

function hits(truth: tf.Tensor, predicted: tf.Tensor): tf.Tensor1D {
  return meanPerSample(tf.cast(tf.equal(truth, predicted), 'float32'));
}
