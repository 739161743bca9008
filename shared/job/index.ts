export type { ArraysOptions, ArrayTensor, SharedTensor } from './array-tensors.ts';
export type { Batch, BatchValues } from './batch.ts';
export type { Callback, Logs, TrainingControl } from './callback.ts';
export { Dataset } from './dataset.ts';
export { type Cifar10Options, type Directory, datasets, type GlyphsOptions, type IdxOptions } from './datasets.ts';
export { defineJob, isJob, type JobInput } from './define-job.ts';
export type {
  DatasetDescription,
  Job,
  LossName,
  MetricName,
  OwnSampleFunction,
  Precision,
  TensorSpec,
  TransformDescription,
} from './job.ts';
export { learningRateAt } from './learning-rate.ts';
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
export type { OptimizerConfig, OptimizerName } from './optimizer-config.ts';
export { type OptimizerOptions, optimizers, resolveOptimizer } from './optimizers.ts';
export { lossName, metricName } from './own-functions.ts';
export { type LearningRate, type Schedule, type ScheduleName, scheduleNames, schedules } from './schedules.ts';
