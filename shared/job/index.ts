export type { ArraysOptions, ArrayTensor, SharedTensor } from './array-tensors.ts';
export type { Batch, BatchValues } from './batch.ts';
export { Dataset } from './dataset.ts';
export { type Cifar10Options, type Directory, datasets, type GlyphsOptions, type IdxOptions } from './datasets.ts';
export { defineJob, isJob, type JobInput } from './define-job.ts';
export type {
  DatasetDescription,
  Job,
  LossName,
  MetricName,
  OptimizerConfig,
  OptimizerName,
  Precision,
  TensorSpec,
  TransformDescription,
} from './job.ts';
export {
  lossNames,
  metricNames,
  nearestName,
  optimizerNames,
  resolveLoss,
  resolveMetric,
  resolveName,
} from './names.ts';
export { type OptimizerOptions, optimizers, resolveOptimizer } from './optimizers.ts';
