export {
  type EpochDecision,
  type EpochEnd,
  type EvaluationShare,
  type Identity,
  type JobFacts,
  type Phase,
  phases,
  type Split,
  type StepReport,
} from './messages.ts';
