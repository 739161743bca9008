import { LockstepError } from '../../shared/core/index.ts';
import { resolveLoss, resolveMetric } from '../../shared/job/index.ts';
import { checkData, type ModelPort } from './check-data.ts';
import type { ContributionLayout, TrainerOptions } from './engine.ts';
import { statisticWeights } from './layer-tree.ts';
import { sampleLosses } from './losses.ts';
import { resolveAccuracy, sampleMetrics } from './metrics.ts';
import type { Network } from './microstep.ts';
import { planBuckets } from './plan-buckets.ts';
import type { tf } from './tf.ts';

/**
 * Fits a model to its data, loss and metrics.
 *
 * @param rename gives layers' names as errors shall show them
 * @throws LockstepError job/invalid, data/shape, engine/unsupported
 */
export function planNetwork(
  model: tf.LayersModel,
  options: TrainerOptions,
  rename: (text: string) => string,
): Network & { readonly classes: readonly number[] } {
  const loss = resolveLoss(options.loss);
  const metrics = options.metrics.map(resolveMetric);
  const modelInputs = ports(model.inputs, rename);
  const modelOutputs = ports(model.outputs, rename);
  checkData({ modelInputs, modelOutputs, inputs: options.inputs, targets: options.targets, loss });
  if (metrics.length > 0 && modelOutputs.length > 1) {
    throw new LockstepError(
      'engine/unsupported',
      `metrics need a model with one output; this one has ${modelOutputs.length} (${modelOutputs.map(({ layer }) => layer).join(', ')})`,
    );
  }
  const targetShape = options.targets[0]?.shape ?? [];
  const outputShape = modelOutputs[0]?.shape ?? [];
  const trainable = model.trainableWeights;
  return {
    model,
    trainable,
    statistics: statisticWeights(model),
    buckets: planBuckets(
      trainable.map((weight) => weight.read().size),
      options.bucketBytes,
    ),
    loss: sampleLosses[loss],
    metrics: metrics.map((name) => sampleMetrics[resolveAccuracy(name, targetShape, outputShape)]),
    classes: loss === 'sparseCategoricalCrossentropy' ? modelOutputs.map(({ shape }) => shape.at(-1) ?? 0) : [],
  };
}

function ports(tensors: readonly tf.SymbolicTensor[], rename: (text: string) => string): ModelPort[] {
  return tensors.map(({ shape, sourceLayer }) => ({ layer: rename(sourceLayer.name), shape: shape.slice(1) }));
}

/** What one replica of a network contributes to the reduction of a step. */
export function contributionLayout({ buckets, metrics, statistics }: Network): ContributionLayout {
  return {
    gradientBuckets: buckets.map(({ length }) => length),
    statistics: statistics.reduce((length, weight) => length + weight.read().size, 1 + metrics.length),
  };
}

/** The contribution of a replica that has no samples in a step: the buckets, then the statistics. */
export function emptyParts({ gradientBuckets, statistics }: ContributionLayout): Float32Array[] {
  return [...gradientBuckets, statistics].map((length) => new Float32Array(length));
}
