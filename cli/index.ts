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
} from './api/index.ts';
