import { LockstepError } from '../../shared/core/index.ts';
import type { Batch, BatchValues, TensorSpec } from '../../shared/job/index.ts';
import type { BatchTensors } from './microstep.ts';
import { tf } from './tf.ts';

/**
 * The real rows of a batch as tensors; the padding stays behind, so that it can't reach batch normalization either.
 * The tensors may share the batch's memory: they must be disposed before the batch is used again.
 */
export function uploadBatch(
  batch: Batch,
  inputs: readonly TensorSpec[],
  targets: readonly TensorSpec[],
): BatchTensors & { dispose(): void } {
  const rows = batch.realRows;
  const upload = (values: BatchValues | undefined, { shape, dtype }: TensorSpec): tf.Tensor => {
    const length = rows * shape.reduce((product, size) => product * size, 1);
    if (values === undefined || values.length < length) {
      throw new Error(`invariant broken: a batch of ${rows} rows of [${shape}] holds ${values?.length ?? 0} values`);
    }
    return tf.tensor(values.subarray(0, length), [rows, ...shape], dtype);
  };
  const tensors = {
    inputs: inputs.map((spec, index) => upload(batch.inputs[index], spec)),
    targets: targets.map((spec, index) => upload(batch.targets[index], spec)),
    weights: tf.tensor1d(batch.weights.subarray(0, rows)),
  };
  return { ...tensors, dispose: () => tf.dispose([...tensors.inputs, ...tensors.targets, tensors.weights]) };
}

/**
 * A label outside of the classes would have no loss at all (its one-hot row is zero), and training would go on.
 *
 * @param classes of each output; null where targets are no class numbers
 * @throws LockstepError data/corrupt
 */
export function checkLabels(batch: Batch, targets: readonly TensorSpec[], classes: readonly (number | null)[]): void {
  for (const [output, { shape }] of targets.entries()) {
    const labels = batch.targets[output] as BatchValues;
    const perSample = shape.reduce((product, size) => product * size, 1);
    const count = classes[output] ?? null;
    if (count === null) continue;
    for (let index = 0; index < batch.realRows * perSample; index++) {
      const label = labels[index] as number;
      if (Number.isInteger(label) && label >= 0 && label < count) continue;
      const row = Math.floor(index / perSample);
      throw new LockstepError(
        'data/corrupt',
        `row ${row} of a batch has label ${label}, but the model's output has ${count} classes, 0 to ${count - 1}`,
        { details: { row, label, classes: count } },
      );
    }
  }
}
