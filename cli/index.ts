export { type TrainOptions, type TrainResult, train } from './train-api.ts';
