import { at, LockstepError } from '../../shared/core/index.ts';
import { lossName, metricName, readLoss, resolveMetric } from '../../shared/job/index.ts';
import { checkData, type ModelPort } from './check-data.ts';
import type { Contribution, ContributionLayout, TrainerOptions } from './engine.ts';
import { freezeBatchNorms } from './frozen-batch-norm.ts';
import { statisticWeights } from './layer-tree.ts';
import { fittingCrossentropy, goesToLogits, type ResolvedLoss, type SampleLoss, sampleLoss } from './losses.ts';
import { resolveAccuracy, sampleMetrics } from './metrics.ts';
import type { Network } from './microstep.ts';
import { makesMasks } from './output-masks.ts';
import { checkOwnFunction, ownLoss, ownMetric } from './own-functions.ts';
import { ownScope } from './own-scope.ts';
import { packedLength, type Wire } from './packed-gradients.ts';
import { planBuckets } from './plan-buckets.ts';
import { probeOutputs } from './probe-outputs.ts';
import { encodingOf } from './target-encoding.ts';
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
  const kinds = losses.map(({ kind }) => kind);
  const checkFit = ({ inputs, targets }: Pick<TrainerOptions, 'inputs' | 'targets'>): void =>
    checkData({ modelInputs, modelOutputs, inputs, targets, losses: kinds });
  checkFit(options);
  if (options.metrics.length > 0 && modelOutputs.length > 1) {
    throw new LockstepError(
      'engine/unsupported',
      `metrics need a model with one output; this one has ${modelOutputs.length} (${modelOutputs.map(({ layer }) => layer).join(', ')})`,
    );
  }
  const functions = {
    losses: losses.map(({ run }) => run),
    metrics: planMetrics(options, modelOutputs[0]?.shape ?? []),
  };
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
    ...functions,
    masked: tryFunctions(model, options, functions, modelOutputs, rename),
    usesLogits: kinds.some((kind) => kind !== null && goesToLogits(kind)),
    classes: modelOutputs.map(({ shape }, output) =>
      kinds[output] === 'sparseCategoricalCrossentropy' ? (shape.at(-1) ?? 0) : null,
    ),
  };
}

type Functions = Pick<Network, 'losses' | 'metrics'>;

/** The loss of each output; null as its kind where the job brings its own. */
function planLosses(
  { loss: given, targets }: TrainerOptions,
  outputs: readonly ModelPort[],
): { readonly kind: ResolvedLoss['kind'] | null; readonly run: SampleLoss }[] {
  const loss = readLoss(given);
  return outputs.map(({ shape }, output) => {
    if (typeof loss === 'function') return { kind: null, run: ownLoss(loss) };
    const resolved =
      loss.kind === 'crossentropy' ? fittingCrossentropy(encodingOf(targets[output]?.shape ?? [], shape)) : loss;
    return { kind: resolved.kind, run: sampleLoss(resolved) };
  });
}

function planMetrics({ metrics, targets }: TrainerOptions, outputShape: ModelPort['shape']): SampleLoss[] {
  const targetShape = targets[0]?.shape ?? [];
  return metrics.map((metric) =>
    typeof metric === 'function'
      ? ownMetric(metric)
      : sampleMetrics[resolveAccuracy(resolveMetric(metric), targetShape, outputShape)],
  );
}

/**
 * Tries functions of the job's own on the model's outputs, and says whether an output carries a mask for them.
 * @throws LockstepError job/invalid, job/threw; engine/unsupported for a named function on a masked output
 */
function tryFunctions(
  model: tf.LayersModel,
  { loss, metrics, inputs, targets }: TrainerOptions,
  functions: Functions,
  outputs: readonly ModelPort[],
  rename: (text: string) => string,
): boolean {
  const all = [
    { given: loss, name: lossName(loss), run: functions.losses[0] as SampleLoss, scope: ownScope.loss },
    ...metrics.map((given, index) => {
      const name = metricName(given);
      return { given, name, run: functions.metrics[index] as SampleLoss, scope: ownScope.metric(name) };
    }),
  ];
  const own = all.filter(({ given }) => typeof given === 'function');
  if (own.length === 0 && !makesMasks(model)) return false;
  return tf.tidy(() => {
    // Two row counts, because a value per feature could look like one per sample.
    const probes = [3, 2].map((rows) => probeOutputs(model, inputs, targets, rows, rename));
    const masked = probes[0]?.findIndex(([, , mask]) => mask !== null) ?? -1;
    const named = all.find(({ given }) => typeof given !== 'function');
    if (masked >= 0 && named !== undefined) throw maskedOutput(outputs[masked]?.layer, named.name);
    for (const { run, scope } of own) {
      const used = scope === ownScope.loss ? probes.flat() : probes.map((probe) => at(probe, 0));
      checkOwnFunction(run, scope, used);
    }
    return masked >= 0;
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
export function contributionLayout({ buckets, metrics, statistics }: Network, wire: Wire): ContributionLayout {
  return {
    wire,
    gradientBuckets: buckets.map((bucket) => packedLength(bucket, wire)),
    statistics: statistics.reduce((length, weight) => length + weight.read().size, 1 + metrics.length),
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
