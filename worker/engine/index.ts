export { encodeServingModel } from './compiled/serving-graph.ts';
export { buildFromTopology, describeTopology, type LayerNode } from './describe-layers.ts';
export { encodeGraph } from './encode-graph.ts';
export type {
  CompileReport,
  Contribution,
  ContributionLayout,
  Engine,
  EngineInfo,
  EngineMemory,
  EngineName,
  EvaluationSums,
  Gradients,
  Microstep,
  NamedSlot,
  NamedWeight,
  Trainer,
  TrainerMemory,
  TrainerOptions,
  TrainerState,
} from './engine.ts';
export { assertFiniteLoss } from './finite-loss.ts';
export type { Inspection, OpTime, OpTimes } from './inspection.ts';
export {
  type ActivationIdentifier,
  type AttentionCall,
  activations,
  type Block,
  initializers,
  layers,
  type MultiHeadAttentionArgs,
  type TransformerEncoderArgs,
} from './layers/index.ts';
export { type EngineOptions, loadEngine } from './load-engine.ts';
export type { OwnFunction } from './own-functions.ts';
export {
  type OwnStep,
  type OwnStepValues,
  type OwnVariables,
  ownStepTrainer,
} from './own-step.ts';
export { seedRandomNumbers } from './seeded-random.ts';
export { tf } from './tf.ts';
export { weightsSha256 } from './weights-sha256.ts';
