import type { ModelToSave } from '../../worker/checkpoint/index.ts';
import type { tf } from '../../worker/engine/index.ts';

/** What a run saves of a model. */
export function savedForm(model: tf.LayersModel): ModelToSave {
  const trainable = new Set(model.trainableWeights);
  const weights = model.weights.map((weight) => ({
    name: weight.originalName,
    shape: weight.shape as number[],
    trainable: trainable.has(weight),
    values: weight.read().dataSync() as Float32Array,
  }));
  return { topology: model.toJSON(null, false), weights, metadata: { steps: 1 } };
}
