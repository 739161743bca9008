/** The public API of Lockstep. */

import { type JobInput as AnyJobInput, defineJob as defineAnyJob, type Job } from './shared/job/index.ts';
import type { OwnFunction } from './worker/engine/index.ts';

/** What a job file passes to `defineJob`. */
export type JobInput<Model = unknown> = AnyJobInput<Model, OwnFunction>;

/**
 * Checks a job and fills in its defaults: `export default defineJob({ … })`.
 * @throws LockstepError job/invalid with the field, what was given and what was expected
 */
export const defineJob: <Model>(input: JobInput<Model>) => Job<Model> = defineAnyJob;

export {
  type EvaluateOptions,
  evaluate,
  type FitOptions,
  fit,
  type History,
  type JobArgument,
  type Predictions,
  type PredictOptions,
  predict,
  type TrainOptions,
  type TrainResult,
  train,
} from './cli/index.ts';
export { type ErrorAction, type ErrorCode, type ErrorRecord, LockstepError } from './shared/core/index.ts';
export {
  type ArrayTensor,
  type Callback,
  type Dataset,
  type DatasetDescription,
  type Directory,
  datasets,
  type Job,
  type LearningRate,
  type Logs,
  type LossConfig,
  type LossName,
  losses,
  type MetricConfig,
  type MetricName,
  metrics,
  type OptimizerConfig,
  type OptimizerName,
  optimizers,
  type Schedule,
  schedules,
  type TensorSpec,
  type TrainingControl,
} from './shared/job/index.ts';
export { preprocessing } from './shared/preprocessing/index.ts';
export {
  type CSVLoggerOptions,
  callbacks,
  type EarlyStoppingOptions,
  type ModelCheckpointOptions,
  type MonitorOptions,
  type ReduceLROnPlateauOptions,
  type TensorBoardOptions,
} from './worker/callbacks/index.ts';
export type { LooseInput, OpenContext, Source, Visit } from './worker/data/index.ts';
export {
  type ActivationIdentifier,
  type AttentionCall,
  activations,
  type Block,
  initializers,
  layers,
  type MultiHeadAttentionArgs,
  type OwnFunction,
  type OwnStep,
  type OwnVariables,
  type TransformerEncoderArgs,
  tf,
} from './worker/engine/index.ts';
export {
  type Batches,
  type BatchesOptions,
  type CompiledStep,
  connect,
  type ReplicaPart,
  type Session,
  type StepBatch,
  type StepDefinition,
  type StepMeans,
} from './worker/loop/index.ts';
export { type GenerateOptions, models } from './worker/models/index.ts';
