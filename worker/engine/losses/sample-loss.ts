import { type LossConfig, losses } from '../../../shared/job/index.ts';
import type { TargetEncoding } from '../target-encoding.ts';
import type { tf } from '../tf.ts';
import {
  binaryCrossentropy,
  binaryFocalCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  sparseCategoricalCrossentropy,
} from './crossentropy.ts';
import { huber, plainLosses } from './regression.ts';

/**
 * Loss of each sample: `target` as the data set delivers it, `prediction` as the model's output, both [rows, …];
 * the result is [rows]. Made of tf ops only, so that it can be differentiated and traced. Only functions of the job's
 * own (own-functions.ts) are ever called with a mask. `logits`, like `prediction`, went into the activation that made it
 * (output-logits.ts).
 */
export type SampleLoss = (
  target: tf.Tensor,
  prediction: tf.Tensor,
  mask?: tf.Tensor | null,
  logits?: tf.Tensor | null,
) => tf.Tensor1D;

/** A loss whose kind the shapes of its output have decided. */
export type ResolvedLoss = Exclude<LossConfig, { kind: 'crossentropy' }>;

/** Whether a loss goes back to its output's logits where there are any. */
export function goesToLogits(kind: string): boolean {
  return kind.endsWith('Crossentropy') && kind !== 'categoricalFocalCrossentropy';
}

/** The cross-entropy that fits how targets are encoded, with its defaults. */
export function fittingCrossentropy(encoding: TargetEncoding): ResolvedLoss {
  switch (encoding) {
    case 'binary':
      return losses.binaryCrossentropy();
    case 'sparse':
      return losses.sparseCategoricalCrossentropy();
    case 'categorical':
      return losses.categoricalCrossentropy();
  }
}

/** The formulas are those of Keras 3 (keras/src/losses/losses.py, keras/src/backend/tensorflow/nn.py). */
export function sampleLoss(loss: ResolvedLoss): SampleLoss {
  switch (loss.kind) {
    case 'huber':
      return huber(loss.delta);
    case 'categoricalCrossentropy':
      return categoricalCrossentropy(loss);
    case 'sparseCategoricalCrossentropy':
      return sparseCategoricalCrossentropy(loss);
    case 'binaryCrossentropy':
      return binaryCrossentropy(loss);
    case 'binaryFocalCrossentropy':
      return binaryFocalCrossentropy(loss);
    case 'categoricalFocalCrossentropy':
      return categoricalFocalCrossentropy(loss);
    default:
      return plainLosses[loss.kind];
  }
}
