/** The public API of Lockstep. */

export { type TrainOptions, type TrainResult, train } from './cli/index.ts';
export { type ErrorAction, type ErrorCode, type ErrorRecord, LockstepError } from './shared/core/index.ts';
export {
  type ArrayTensor,
  type Dataset,
  type DatasetDescription,
  type Directory,
  datasets,
  defineJob,
  type Job,
  type JobInput,
  type LearningRate,
  type LossName,
  type MetricName,
  type OptimizerConfig,
  type OptimizerName,
  optimizers,
  type Schedule,
  schedules,
  type TensorSpec,
} from './shared/job/index.ts';
export type { OpenContext, Source } from './worker/data/index.ts';
export { tf } from './worker/engine/index.ts';
