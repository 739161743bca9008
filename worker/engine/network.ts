import { at, LockstepError } from '../../shared/core/index.ts';
import { lossName } from '../../shared/job/index.ts';
import { totalWidth } from '../../shared/metrics/index.ts';
import { checkData, type ModelPort } from './check-data.ts';
import { checkMetric } from './check-metric.ts';
import type { Contribution, ContributionLayout, TrainerOptions } from './engine.ts';
import { freezeBatchNorms } from './frozen-batch-norm.ts';
import { statisticWeights } from './layer-tree.ts';
import type { Network } from './microstep.ts';
import { makesMasks } from './output-masks.ts';
import { checkOwnFunction } from './own-functions.ts';
import { ownScope } from './own-scope.ts';
import { packedLength, type Wire } from './packed-gradients.ts';
import { planBuckets } from './plan-buckets.ts';
import { type OutputLoss, type OutputMetric, planLosses, planMetrics, usesLogits } from './plan-functions.ts';
import { probeOutputs } from './probe-outputs.ts';
import { tf } from './tf.ts';

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
): Network & {
  /** Of each output; null where its targets are no class numbers. */
  readonly classes: readonly (number | null)[];
  /** Whether the model takes such samples too. @throws LockstepError data/shape */
  checkFit(samples: Pick<TrainerOptions, 'inputs' | 'targets'>): void;
} {
  const modelInputs = ports(model.inputs, rename);
  const modelOutputs = ports(model.outputs, rename);
  const losses = planLosses(options, modelOutputs);
  const kindOf = (output: number) => losses.find((loss) => loss.output === output)?.config?.kind ?? null;
  const checkLosses = ({ inputs, targets }: Pick<TrainerOptions, 'inputs' | 'targets'>): void =>
    checkData({ modelInputs, modelOutputs, inputs, targets, losses: modelOutputs.map((_, output) => kindOf(output)) });
  checkLosses(options);
  const metrics = planMetrics(options, modelOutputs, losses);
  const checkFit = (samples: Pick<TrainerOptions, 'inputs' | 'targets'>): void => {
    checkLosses(samples);
    for (const { config, output } of metrics) {
      if (config !== null) checkMetric(config, at(modelOutputs, output), at(samples.targets, output));
    }
  };
  checkFit(options);
  const trainable = model.trainableWeights;
  return {
    checkFit,
    model,
    trainable,
    statistics: statisticWeights(model, freezeBatchNorms(model)),
    buckets: planBuckets(
      trainable.map((weight) => weight.read().size),
      options.bucketBytes,
    ),
    losses,
    metrics,
    metricWidth: totalWidth(metrics.map(({ definition }) => definition)),
    masked: tryFunctions(model, options, { losses, metrics }, modelOutputs, rename),
    usesLogits: usesLogits(losses, metrics),
    classes: modelOutputs.map(({ shape }, output) =>
      kindOf(output) === 'sparseCategoricalCrossentropy' ? (shape.at(-1) ?? 0) : null,
    ),
  };
}

/**
 * Tries functions of the job's own on the model's outputs, and says whether an output carries a mask for them.
 * @throws LockstepError job/invalid, job/threw; engine/unsupported for a named function on a masked output
 */
function tryFunctions(
  model: tf.LayersModel,
  { loss, inputs, targets }: TrainerOptions,
  functions: { readonly losses: readonly OutputLoss[]; readonly metrics: readonly OutputMetric[] },
  outputs: readonly ModelPort[],
  rename: (text: string) => string,
): boolean {
  const all = [
    ...functions.losses.map(({ output, run, config }) => {
      return { output, run, name: config?.kind ?? lossName(loss), scope: config === null ? ownScope.loss : null };
    }),
    ...functions.metrics
      .filter(({ weighting }) => weighting !== 'sum')
      .map(({ output, run, definition, scope }) => ({ output, run, name: definition.name, scope })),
  ];
  if (all.every(({ scope }) => scope === null) && !makesMasks(model)) return false;
  return tf.tidy(() => {
    // Two row counts, because a value per feature could look like one per sample.
    const probes = [3, 2].map((rows) => probeOutputs(model, inputs, targets, rows, rename));
    const isMasked = (output: number): boolean => at(at(probes, 0), output)[2] !== null;
    const named = all.find(({ output, scope }) => scope === null && isMasked(output));
    if (named !== undefined) throw maskedOutput(outputs[named.output]?.layer, named.name);
    for (const { output, run, scope } of all) {
      if (scope !== null)
        checkOwnFunction(
          run,
          scope,
          probes.map((probe) => at(probe, output)),
        );
    }
    return outputs.some((_, output) => isMasked(output));
  });
}

function maskedOutput(layer: string | undefined, name: string): LockstepError {
  return new LockstepError(
    'engine/unsupported',
    `the output of layer ${layer} is masked, as Embedding({ maskZero: true }) and Masking do it, and ${name} would count ` +
      'the masked positions, which Keras leaves out. Give a function of your own, which gets the mask: ' +
      '(yTrue, yPred, mask) => a value per sample; or take the mask away before the output',
    { details: { layer } },
  );
}

function ports(tensors: readonly tf.SymbolicTensor[], rename: (text: string) => string): ModelPort[] {
  return tensors.map(({ shape, sourceLayer }) => ({ layer: rename(sourceLayer.name), shape: shape.slice(1) }));
}

/** What one replica of a network contributes to the reduction of a step. */
export function contributionLayout(
  { buckets, metricWidth, statistics, trainable }: Network,
  wire: Wire,
): ContributionLayout {
  return {
    wire,
    gradientBuckets: buckets.map((bucket) => packedLength(bucket, wire)),
    gradientShapes: buckets.map(({ members }) => members.map((member) => at(trainable, member).read().shape)),
    statistics: statistics.reduce((length, weight) => length + weight.read().size, 1 + metricWidth),
  };
}

/** That of a replica that has no samples in a step. */
export function emptyContribution({ gradientBuckets, statistics, wire }: ContributionLayout): Contribution {
  const empty = wire === 'bfloat16' ? Uint16Array : Float32Array;
  return {
    gradients: gradientBuckets.map((length) => new empty(length)),
    statistics: new Float32Array(statistics),
  };
}
