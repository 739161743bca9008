import type { CrossentropyOptions } from './loss-config.ts';

/** Metrics without options: the means of what the functions of these names give for each sample. */
type PlainMetricName =
  | 'accuracy'
  | 'categoricalAccuracy'
  | 'sparseCategoricalAccuracy'
  | 'meanSquaredError'
  | 'rootMeanSquaredError'
  | 'meanAbsoluteError'
  | 'meanAbsolutePercentageError'
  | 'meanSquaredLogarithmicError'
  | 'logCoshError'
  | 'cosineSimilarity'
  | 'klDivergence'
  | 'poisson'
  | 'hinge'
  | 'squaredHinge'
  | 'categoricalHinge';

export type CountName = 'truePositives' | 'falsePositives' | 'trueNegatives' | 'falseNegatives';

export interface AucOptions {
  /** At least 2, evenly over 0 to 1; not looked at where `thresholds` are given. */
  readonly numThresholds: number;
  readonly curve: 'ROC' | 'PR';
  readonly summationMethod: 'interpolation' | 'minoring' | 'majoring';
  /** Between 0 and 1; 0 and 1 are added. */
  readonly thresholds: readonly number[] | null;
  /** One curve for each value of the output; the metric is the mean of their areas. */
  readonly multiLabel: boolean;
  /** Of each value of the output. */
  readonly labelWeights: readonly number[] | null;
  readonly fromLogits: boolean;
}

interface OverThresholds {
  /** Evenly over 0 to 1. */
  readonly numThresholds: number;
  /** Only this value of the output. */
  readonly classId: number | null;
}

export interface FScoreOptions {
  /** `null` gives a score for each class. */
  readonly average: 'micro' | 'macro' | 'weighted' | null;
  /** Outputs above it predict their class; `null`: the greatest does. */
  readonly threshold: number | null;
}

type ByKind =
  | { readonly kind: PlainMetricName }
  /** `threshold`: outputs above it predict the class. */
  | { readonly kind: 'binaryAccuracy'; readonly threshold: number }
  | { readonly kind: 'topKCategoricalAccuracy' | 'sparseTopKCategoricalAccuracy'; readonly k: number }
  | ({ readonly kind: 'binaryCrossentropy' | 'categoricalCrossentropy' } & CrossentropyOptions)
  | ({ readonly kind: 'sparseCategoricalCrossentropy' } & Pick<CrossentropyOptions, 'fromLogits'>)
  | { readonly kind: CountName; readonly thresholds: Thresholds | null }
  | {
      readonly kind: 'precision' | 'recall';
      /** 0.5, or with `topK` none, where it is null. Several give a value for each. */
      readonly thresholds: Thresholds | null;
      /** Only the k greatest outputs predict their class. */
      readonly topK: number | null;
      /** Only this value of the output. */
      readonly classId: number | null;
    }
  | ({ readonly kind: 'auc' } & AucOptions)
  | ({ readonly kind: 'sensitivityAtSpecificity'; readonly specificity: number } & OverThresholds)
  | ({ readonly kind: 'specificityAtSensitivity'; readonly sensitivity: number } & OverThresholds)
  | ({ readonly kind: 'precisionAtRecall'; readonly recall: number } & OverThresholds)
  | ({ readonly kind: 'recallAtPrecision'; readonly precision: number } & OverThresholds)
  | ({ readonly kind: 'f1Score' } & FScoreOptions)
  | ({ readonly kind: 'fBetaScore'; readonly beta: number } & FScoreOptions)
  /** Rows are the true classes, columns the predicted ones. `threshold` is for one output of two classes. */
  | { readonly kind: 'confusionMatrix'; readonly threshold: number }
  /** Class numbers, or with sparse… false one-hot (greatest) values. */
  | {
      readonly kind: 'meanIoU';
      readonly numClasses: number;
      readonly ignoreClass: number | null;
      readonly sparseYTrue: boolean;
      readonly sparseYPred: boolean;
    }
  | { readonly kind: 'oneHotMeanIoU'; readonly numClasses: number; readonly ignoreClass: number | null }
  | { readonly kind: 'binaryIoU'; readonly targetClassIds: readonly number[]; readonly threshold: number }
  | {
      readonly kind: 'r2Score';
      readonly classAggregation: 'uniform_average' | 'variance_weighted_average' | null;
      readonly numRegressors: number;
    };

/** Each between 0 and 1. */
export type Thresholds = number | readonly number[];

/**
 * A metric with every default filled in, reported as `name`. Options and defaults are those of Keras 3
 * (keras/src/metrics).
 */
export type MetricConfig = ByKind & { readonly name: string };

export type MetricName = MetricConfig['kind'];
