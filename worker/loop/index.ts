export type { Batches, BatchesOptions, ReplicaPart, StepBatch } from './batches.ts';
export type { PerReplica } from './collectives.ts';
export type {
  CompiledStep,
  ModelStepDefinition,
  OwnStepDefinition,
  StepDefinition,
  StepMeans,
} from './compiled-step.ts';
export { connect } from './connect.ts';
export { type LoopOptions, runLoop } from './run.ts';
export type { Session } from './session.ts';
export type { Summand, Summands } from './summands.ts';
