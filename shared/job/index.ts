export type { Batch, BatchValues } from './batch.ts';
export type {
  DatasetDescription,
  Job,
  LossName,
  MetricName,
  OptimizerConfig,
  OptimizerName,
  TensorSpec,
  TransformDescription,
} from './job.ts';
export { lossNames, metricNames, nearestName, optimizerNames, resolveLoss, resolveMetric, resolveName } from './names.ts';
export { type OptimizerOptions, optimizers, resolveOptimizer } from './optimizers.ts';
