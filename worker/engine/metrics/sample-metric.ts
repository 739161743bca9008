import { invariant } from '../../../shared/core/index.ts';
import type { MetricConfig } from '../../../shared/job/index.ts';
import { aucThresholds, evenThresholds, givenThresholds } from '../../../shared/metrics/index.ts';
import type { SampleLoss } from '../losses.ts';
import { encodingOf } from '../target-encoding.ts';
import { tf } from '../tf.ts';
import { binaryIouSums, confusionSums, fScoreSums, iouSums, r2Sums } from './class-sums.ts';
import { sampleMean } from './sample-mean.ts';
import { thresholdSums } from './threshold-sums.ts';

/**
 * What each sample adds to a metric's sums, [rows, width], from its target and prediction, both [rows, …]; of tf ops only.
 * What the sums mean stands in shared/metrics. `logits` as for losses.
 */
export type SampleMetric = (
  target: tf.Tensor,
  prediction: tf.Tensor,
  mask?: tf.Tensor | null,
  logits?: tf.Tensor | null,
) => tf.Tensor;

export interface PlannedMetric {
  readonly run: SampleMetric;
  readonly width: number;
  readonly classes: number;
}

/** Shapes of one sample. */
export interface MetricShapes {
  readonly target: readonly number[];
  readonly output: readonly (number | null)[];
}

/** A mean over samples of one value each. */
export function meanMetric(value: SampleLoss): PlannedMetric {
  const run: SampleMetric = (...operands) => tf.expandDims(value(...operands), 1);
  return { run, width: 1, classes: 1 };
}

export function planMetric(config: MetricConfig, { target, output }: MetricShapes): PlannedMetric {
  const last = output.at(-1) ?? 1;
  switch (config.kind) {
    case 'truePositives':
    case 'falsePositives':
    case 'trueNegatives':
    case 'falseNegatives':
      return overThresholds({ plan: givenThresholds(config.thresholds) });
    case 'precision':
    case 'recall': {
      const { thresholds, topK, classId } = config;
      return overThresholds({ plan: givenThresholds(thresholds, topK), topK, classId });
    }
    case 'sensitivityAtSpecificity':
    case 'specificityAtSensitivity':
    case 'precisionAtRecall':
    case 'recallAtPrecision':
      return overThresholds({ plan: evenThresholds(config.numThresholds), classId: config.classId });
    case 'auc':
      return planAuc(config, output);
    case 'f1Score':
    case 'fBetaScore':
      return { run: fScoreSums(config.threshold), width: 3 * last, classes: last };
    case 'r2Score':
      return { run: r2Sums, width: 3 * last, classes: last };
    case 'confusionMatrix': {
      const encoding = encodingOf(target, output);
      const classes = encoding === 'binary' ? 2 : last;
      return { run: confusionSums(encoding, classes, config.threshold), width: classes ** 2, classes };
    }
    case 'meanIoU':
      return { run: iouSums(config), width: config.numClasses ** 2, classes: config.numClasses };
    case 'oneHotMeanIoU':
      return {
        run: iouSums({ ...config, sparseYTrue: false, sparseYPred: false }),
        width: config.numClasses ** 2,
        classes: config.numClasses,
      };
    case 'binaryIoU':
      return { run: binaryIouSums(config.threshold), width: 4, classes: 2 };
    default: {
      const mean = sampleMean(config, { target, output });
      invariant(mean !== undefined, `${config.kind} is a mean over samples`);
      return meanMetric(mean);
    }
  }
}

function overThresholds(options: Parameters<typeof thresholdSums>[0]): PlannedMetric {
  return { run: thresholdSums(options), width: 2 * (options.plan.thresholds.length + 1), classes: 1 };
}

function planAuc(config: Extract<MetricConfig, { kind: 'auc' }>, output: MetricShapes['output']): PlannedMetric {
  const { multiLabel, fromLogits } = config;
  const plan = aucThresholds(config.numThresholds, config.thresholds);
  const labels = multiLabel ? (output.at(-1) ?? 1) : 1;
  const labelWeights = multiLabel ? null : config.labelWeights;
  const { run, width } = overThresholds({ plan, multiLabel, labelWeights, fromLogits });
  return { run, width: labels * width, classes: labels };
}
