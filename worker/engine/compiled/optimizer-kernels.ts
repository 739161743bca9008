import { assertNever, at } from '../../../shared/core/index.ts';
import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { type Attr, dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';
import type { NativeBackend } from '../native-backend.ts';
import { optimizerRule } from '../optimizers/optimizer-rule.ts';
import { addComposedUpdate } from './composed-update.ts';

/** Handles of one weight's variable and of the optimizer's slots beside it. */
export interface Updated {
  readonly variable: Ref;
  readonly shape: readonly number[];
  readonly slots: readonly Ref[];
  readonly gradient: Ref;
  /** Nodes that must have run before the weight moves. */
  readonly after: readonly string[];
}

/** Slots that TensorFlow's kernel for this optimizer keeps for each weight, in the kernel's order. */
export function kernelSlots(config: OptimizerConfig): readonly string[] {
  // The kernel has all three or the last two, used or not.
  if (config.name === 'rmsprop') {
    return config.centered ? ['average', 'velocity', 'momentum'] : ['velocity', 'momentum'];
  }
  return optimizerRule(config).slots;
}

/**
 * Adds the update of one weight by TensorFlow's own fused kernel, whose formulas are Keras 3's (`optimizers/` has them
 * spelled out), or by the rule's ops where there is no such kernel. `scalars` are the rule's; a kernel takes the first
 * of them as its learning rate. With Adam and Adamax it has the bias correction in it, which is why the kernels' own
 * powers of β are 0, and Adagrad's ε is in its slot from the start. Gives the name of the node that moves the weight.
 */
export function addUpdate(
  builder: GraphBuilder,
  backend: NativeBackend,
  config: OptimizerConfig,
  scalars: readonly Ref[],
  updated: Updated,
): string {
  const { variable, slots, gradient } = updated;
  const rate = at(scalars, 0);
  const number = (value: number): Ref => builder.scalar(value);
  const kernel = (op: string, inputs: readonly Ref[], flags: Readonly<Record<string, boolean>> = {}): string => {
    const attrs: Record<string, Attr> = { T: typeAttr(dtypes.float32) };
    for (const [name, value] of Object.entries({ use_locking: false, ...flags })) attrs[name] = { kind: 'bool', value };
    return builder.add(op, inputs, attrs, { control: updated.after }).node;
  };
  switch (config.name) {
    case 'sgd': {
      const { momentum, nesterov } = config;
      if (momentum === 0) return kernel('ResourceApplyGradientDescent', [variable, rate, gradient]);
      const inputs = [variable, ...slots, rate, gradient, number(momentum)];
      return kernel('ResourceApplyKerasMomentum', inputs, { use_nesterov: nesterov });
    }
    case 'adam':
    case 'adamW': {
      const betas = [number(config.beta1), number(config.beta2), number(config.epsilon)];
      const inputs = [variable, ...slots, number(0), number(0), rate, ...betas, gradient];
      return kernel('ResourceApplyAdam', inputs, { use_nesterov: false });
    }
    case 'adamax': {
      const betas = [number(config.beta1), number(config.beta2), number(config.epsilon)];
      return kernel('ResourceApplyAdaMax', [variable, ...slots, number(0), rate, ...betas, gradient]);
    }
    case 'rmsprop': {
      const { rho, momentum, epsilon, centered } = config;
      const op = centered ? 'ResourceApplyCenteredRMSProp' : 'ResourceApplyRMSProp';
      return kernel(op, [variable, ...slots, rate, number(rho), number(momentum), number(epsilon), gradient]);
    }
    case 'adagrad':
      return kernel('ResourceApplyAdagradV2', [variable, ...slots, rate, number(0), gradient], { update_slots: true });
    case 'adadelta': {
      const { rho, epsilon } = config;
      return kernel('ResourceApplyAdadelta', [variable, ...slots, rate, number(rho), number(epsilon), gradient]);
    }
    case 'nadam':
      return addComposedUpdate(builder, backend, optimizerRule(config), scalars, updated);
    default:
      return assertNever(config);
  }
}
