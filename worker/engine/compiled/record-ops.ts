import type { GraphBuilder, Ref } from '../../graph/index.ts';
import type { NativeBackend } from '../native-backend.ts';
import { record } from '../recorder.ts';
import { tf } from '../tf.ts';

export interface Operand {
  readonly ref: Ref;
  readonly shape: readonly number[];
}

/**
 * Adds what `fn` makes of values of the graph. `fn` may use elementwise ops and sums over everything: it is recorded
 * on stand-ins of the same rank with one value each, so that no memory is spent on a model's size.
 */
export function addRecorded(
  builder: GraphBuilder,
  backend: NativeBackend,
  operands: readonly Operand[],
  fn: (tensors: readonly tf.Tensor[]) => readonly tf.Tensor[],
): Ref[] {
  tf.engine().startScope();
  try {
    const standIns = operands.map(({ shape }) => tf.ones(shape.map(() => 1)));
    const feeds = operands.map(({ ref }, index) => ({ tensor: standIns[index] as tf.Tensor, ref }));
    const { result, refOf } = record(backend, builder, feeds, () => fn(standIns));
    return result.map(refOf);
  } finally {
    tf.engine().endScope();
  }
}
