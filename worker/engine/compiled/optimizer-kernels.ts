import { assertNever, at } from '../../../shared/core/index.ts';
import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { type Attr, dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';

/** Handles of one weight's variable and of the optimizer's slots beside it. */
export interface Updated {
  readonly variable: Ref;
  readonly slots: readonly Ref[];
  readonly gradient: Ref;
}

/** Slots that TensorFlow's kernel for this optimizer keeps for each weight. */
export function kernelSlots(config: OptimizerConfig): readonly string[] {
  switch (config.name) {
    case 'sgd':
      return config.momentum === 0 ? [] : ['momentum'];
    case 'adam':
      return ['momentum', 'velocity'];
    case 'rmsprop':
      return config.centered ? ['average', 'velocity', 'momentum'] : ['velocity', 'momentum'];
    case 'adadelta':
      return ['accumulatedGradient', 'accumulatedChange'];
    default:
      return assertNever(config);
  }
}

/**
 * Adds the update of one weight by TensorFlow's own fused kernel, whose formulas are Keras 3's (`optimizers/` has them
 * spelled out). `rate` is the step's learning rate; for Adam its step size with the bias correction in it, which is
 * why the kernel's own powers of β are 0. Gives the name of the node that does it.
 */
export function addUpdate(builder: GraphBuilder, config: OptimizerConfig, rate: Ref, updated: Updated): string {
  const { variable, slots, gradient } = updated;
  const number = (value: number): Ref => builder.scalar(value);
  const attrs: Record<string, Attr> = { T: typeAttr(dtypes.float32), use_locking: { kind: 'bool', value: false } };
  switch (config.name) {
    case 'sgd': {
      if (config.momentum === 0) {
        return builder.add('ResourceApplyGradientDescent', [variable, rate, gradient], attrs).node;
      }
      const inputs = [variable, at(slots, 0), rate, gradient, number(config.momentum)];
      const nesterov = { ...attrs, use_nesterov: { kind: 'bool', value: config.nesterov } } as const;
      return builder.add('ResourceApplyKerasMomentum', inputs, nesterov).node;
    }
    case 'adam': {
      const { beta1, beta2, epsilon } = config;
      const betas = [number(0), number(0), rate, number(beta1), number(beta2), number(epsilon)];
      const nesterov = { ...attrs, use_nesterov: { kind: 'bool', value: false } } as const;
      return builder.add('ResourceApplyAdam', [variable, ...slots, ...betas, gradient], nesterov).node;
    }
    case 'rmsprop': {
      const { rho, momentum, epsilon, centered } = config;
      const op = centered ? 'ResourceApplyCenteredRMSProp' : 'ResourceApplyRMSProp';
      const inputs = [variable, ...slots, rate, number(rho), number(momentum), number(epsilon), gradient];
      return builder.add(op, inputs, attrs).node;
    }
    case 'adadelta': {
      const inputs = [variable, ...slots, rate, number(config.rho), number(config.epsilon), gradient];
      return builder.add('ResourceApplyAdadelta', inputs, attrs).node;
    }
    default:
      return assertNever(config);
  }
}
