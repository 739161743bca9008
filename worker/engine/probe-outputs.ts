import type { TensorSpec } from '../../shared/job/index.ts';
import { forward } from './microstep.ts';
import { captureMasks } from './output-masks.ts';
import type { OwnOperands } from './own-functions.ts';
import { tf } from './tf.ts';
import { watchFailures } from './watch-failures.ts';

/** A forward pass on `rows` samples of zeros: each output with its target and its mask. */
export function probeOutputs(
  model: tf.LayersModel,
  inputs: readonly TensorSpec[],
  targets: readonly TensorSpec[],
  rows: number,
  rename: (text: string) => string,
): OwnOperands[] {
  const zeros = ({ shape, dtype }: TensorSpec): tf.Tensor => tf.zeros([rows, ...shape], dtype);
  const run = () => captureMasks(model, () => forward(model, inputs.map(zeros), false));
  const { outputs, masks } = watchFailures(model, rename, 'a forward pass', run);
  return outputs.map((output, index) => [zeros(targets[index] as TensorSpec), output, masks[index] ?? null]);
}
