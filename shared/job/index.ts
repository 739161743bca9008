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
