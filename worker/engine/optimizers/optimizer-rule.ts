import { assertNever } from '../../../shared/core/index.ts';
import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { adadeltaRule } from './adadelta.ts';
import { adamRule } from './adam.ts';
import { rmspropRule } from './rmsprop.ts';
import type { OptimizerRule } from './rule.ts';
import { sgdRule } from './sgd.ts';

export function optimizerRule(config: OptimizerConfig): OptimizerRule {
  switch (config.name) {
    case 'sgd':
      return sgdRule(config);
    case 'adam':
      return adamRule(config);
    case 'rmsprop':
      return rmspropRule(config);
    case 'adadelta':
      return adadeltaRule(config);
    default:
      return assertNever(config);
  }
}
