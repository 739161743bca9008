import { learningRateAt, type OptimizerConfig } from '../../../shared/job/index.ts';
import type { OptimizerRule } from './rule.ts';

/** What an update needs to know of step `step` (from 0): its learning rate, then the rule's scalars. */
export function stepNumbers({ learningRate }: OptimizerConfig, rule: OptimizerRule, step: number): number[] {
  const rate = learningRateAt(learningRate, step);
  return [rate, ...rule.scalarsAt(step, rate)];
}
