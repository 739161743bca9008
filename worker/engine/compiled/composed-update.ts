import { at, invariant } from '../../../shared/core/index.ts';
import { dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';
import type { NativeBackend } from '../native-backend.ts';
import type { OptimizerRule } from '../optimizers/rule.ts';
import type { tf } from '../tf.ts';
import type { Updated } from './optimizer-kernels.ts';
import { addRecorded } from './record-ops.ts';

/** Adds the update of one weight as the ops that the rule is made of. Gives the name of the node that moves it. */
export function addComposedUpdate(
  builder: GraphBuilder,
  backend: NativeBackend,
  rule: OptimizerRule,
  scalars: readonly Ref[],
  { variable, shape, slots, gradient, after }: Updated,
): string {
  const dtype = { dtype: typeAttr(dtypes.float32) };
  const old = slots.map((slot) => ({ ref: builder.add('ReadVariableOp', [slot], dtype), shape }));
  const numbers = scalars.map((ref) => ({ ref, shape: [] }));
  const [change, ...updated] = addRecorded(
    builder,
    backend,
    [{ ref: gradient, shape }, ...old, ...numbers],
    ([first, ...rest]) => {
      const update = rule.update(first as tf.Tensor, rest.slice(0, old.length), rest.slice(old.length) as tf.Scalar[]);
      return [update.change, ...update.slots];
    },
  );
  invariant(change !== undefined, 'an update changes the weight');
  const kept = slots.map((slot, index) => builder.add('AssignVariableOp', [slot, at(updated, index)], dtype).node);
  return builder.add('AssignAddVariableOp', [variable, change], dtype, { control: [...after, ...kept] }).node;
}
