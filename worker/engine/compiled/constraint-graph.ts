import { dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';
import { variableOf } from '../microstep.ts';
import type { NativeBackend } from '../native-backend.ts';
import { record } from '../recorder.ts';
import { tf } from '../tf.ts';

/**
 * Adds what a layer's constraint (`kernelConstraint` and the like) makes of a weight after its update by the node
 * `updated`, as Keras does after every step. Gives the name of the last node: `updated` itself without a constraint.
 */
export function addConstraint(
  builder: GraphBuilder,
  backend: NativeBackend,
  weight: tf.LayerVariable,
  handle: Ref,
  updated: string,
): string {
  // Published as always there, but null without one.
  const constraint: tf.LayerVariable['constraint'] | null = weight.constraint;
  if (constraint === null) return updated;
  const float = typeAttr(dtypes.float32);
  const value = builder.add('ReadVariableOp', [handle], { dtype: float }, { control: [updated] });
  tf.engine().startScope();
  try {
    const feeds = [{ tensor: variableOf(weight), ref: value }];
    const { result, refOf } = record(backend, builder, feeds, () => constraint.apply(variableOf(weight)));
    return builder.add('AssignVariableOp', [handle, refOf(result)], { dtype: float }).node;
  } finally {
    tf.engine().endScope();
  }
}
