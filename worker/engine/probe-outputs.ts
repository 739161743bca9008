import type { TensorSpec } from '../../shared/job/index.ts';
import { describeFailure } from './describe-failure.ts';
import { forward } from './microstep.ts';
import { captureMasks } from './output-masks.ts';
import type { OwnOperands } from './own-functions.ts';
import { tf } from './tf.ts';

/** A forward pass on `rows` samples of zeros: each output with its target and its mask. */
export function probeOutputs(
  model: tf.LayersModel,
  inputs: readonly TensorSpec[],
  targets: readonly TensorSpec[],
  rows: number,
): OwnOperands[] {
  const zeros = ({ shape, dtype }: TensorSpec): tf.Tensor => tf.zeros([rows, ...shape], dtype);
  try {
    const { outputs, masks } = captureMasks(model, () => forward(model, inputs.map(zeros), false));
    return outputs.map((output, index) => [zeros(targets[index] as TensorSpec), output, masks[index] ?? null]);
  } catch (error) {
    throw describeFailure(error, 'a forward pass');
  }
}
