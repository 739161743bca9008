export type { ArraysOptions, ArrayTensor, SharedTensor } from './array-tensors.ts';
export type { Batch, BatchValues } from './batch.ts';
export type { Callback, Logs, PastEpoch, TrainingControl } from './callback.ts';
export { Dataset, type FillOptions } from './dataset.ts';
export { datasets, type GlyphsOptions, type IdxOptions } from './datasets.ts';
export { defineJob, isJob, type JobInput, jobsBefore } from './define-job.ts';
export { type Directory, describedDatasets, withoutLocations } from './describe-dataset.ts';
export type {
  AudioFolderOptions,
  ColorMode,
  FolderOptions,
  FrameFolderOptions,
  ImageFolderOptions,
} from './folder-datasets.ts';
export type {
  DatasetDescription,
  Job,
  OnNonFinite,
  Precision,
  TensorSpec,
} from './job.ts';
export type { SequenceOptions, SplitOptions } from './keras-datasets.ts';
export { learningRateAt } from './learning-rate.ts';
export type { CrossentropyOptions, LossConfig, LossName } from './loss-config.ts';
export { type LossOptions, losses, resolveLossConfig } from './losses.ts';
export type { CountName, MetricConfig, MetricName, Thresholds } from './metric-config.ts';
export { type MetricOptions, metrics, resolveMetricConfig } from './metrics.ts';
export {
  lossNames,
  metricNames,
  nearestName,
  optimizerNames,
  precisions,
  resolveLoss,
  resolveMetric,
  resolveName,
  resolvePrecision,
} from './names.ts';
export type { NumpyOptions } from './numpy-datasets.ts';
export type { OptimizerConfig, OptimizerName } from './optimizer-config.ts';
export { type OptimizerOptions, optimizers, resolveOptimizer } from './optimizers.ts';
export { amount, completeOptions, flag, type OptionReader, reader, stepCount } from './options.ts';
export {
  isOneLoss,
  type Loss,
  type Losses,
  type LossWeights,
  lossName,
  type Metric,
  type Metrics,
  type OwnSampleFunction,
  perOutput,
  readLosses,
  readMetrics,
  resolveMetricOrFunction,
} from './per-output.ts';
export { enterWorker, heldInWorker, type JobPlace } from './program-jobs.ts';
export { type LearningRate, type Schedule, type ScheduleName, scheduleNames, schedules } from './schedules.ts';
export type { Classes, Column, CsvOptions, JsonLinesOptions } from './table-datasets.ts';
export type {
  AugmentDescription,
  FillMode,
  NormalizeDescription,
  SpectrogramDescription,
  TransformDescription,
} from './transform-description.ts';
