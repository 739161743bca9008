export { Permutation } from './permutation.ts';
export {
  epochOfStep,
  type ReplicaBatch,
  type SamplingPlan,
  Schedule,
  samplesInStep,
  stepsPerEpoch,
} from './schedule.ts';
