export { cosine } from './losses/regression.ts';
export {
  fittingCrossentropy,
  goesToLogits,
  type ResolvedLoss,
  type SampleLoss,
  sampleLoss,
} from './losses/sample-loss.ts';
export { labelsOf, likePrediction, meanPerSample } from './losses/sample-values.ts';
