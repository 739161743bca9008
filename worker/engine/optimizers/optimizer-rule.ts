import { assertNever } from '../../../shared/core/index.ts';
import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { adadeltaRule } from './adadelta.ts';
import { adagradRule } from './adagrad.ts';
import { adamRule } from './adam.ts';
import { adamaxRule } from './adamax.ts';
import { nadamRule } from './nadam.ts';
import { rmspropRule } from './rmsprop.ts';
import type { OptimizerRule } from './rule.ts';
import { sgdRule } from './sgd.ts';

export function optimizerRule(config: OptimizerConfig): OptimizerRule {
  switch (config.name) {
    case 'sgd':
      return sgdRule(config);
    case 'adam':
    case 'adamW':
      return adamRule(config);
    case 'rmsprop':
      return rmspropRule(config);
    case 'adadelta':
      return adadeltaRule(config);
    case 'adagrad':
      return adagradRule(config);
    case 'adamax':
      return adamaxRule(config);
    case 'nadam':
      return nadamRule(config);
    default:
      return assertNever(config);
  }
}
