export { Permutation } from './permutation.ts';
export {
  epochOfStep,
  filledMicrosteps,
  microstepBatchSize,
  type ReplicaBatch,
  type SamplingPlan,
  Schedule,
  samplesInStep,
  stepsPerEpoch,
} from './schedule.ts';
