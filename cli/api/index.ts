export { type EvaluateOptions, evaluate } from './evaluate.ts';
export { type FitOptions, fit } from './fit.ts';
export { type History, historyOf } from './history.ts';
export type { JobArgument } from './locate-job.ts';
export { type Predictions, type PredictOptions, predict } from './predict.ts';
export { type TrainOptions, type TrainResult, train } from './train.ts';
