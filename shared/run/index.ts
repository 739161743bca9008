export {
  type CheckpointReport,
  type EpochDecision,
  type EpochEnd,
  type EpochSums,
  type EvaluationShare,
  type Identity,
  type JobFacts,
  type Phase,
  phases,
  type ResumePoint,
  type Split,
  type StepReport,
} from './messages.ts';
