import { tf } from './tf.ts';

/** What is used here of tfjs's engine, whose types keep it private. */
interface TapeState {
  readonly gradientDepth: number;
  activeTape: readonly { readonly saved: readonly tf.Tensor[] }[] | null;
}

/**
 * tf.variableGrads, which keeps the values that a backward pass needs until that pass is through: for ever, when an op
 * throws before.
 */
export function takeGradients(
  fn: () => tf.Scalar,
  variables: tf.Variable[],
): Readonly<Record<string, tf.Tensor | undefined>> {
  try {
    return tf.variableGrads(fn, variables).grads;
  } catch (error) {
    const { state } = tf.engine() as unknown as { readonly state: TapeState };
    if (state.gradientDepth === 0) {
      for (const { saved } of state.activeTape ?? []) tf.dispose([...saved]);
      state.activeTape = null;
    }
    throw error;
  }
}
