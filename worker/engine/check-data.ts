import { LockstepError } from '../../shared/core/index.ts';
import type { TensorSpec } from '../../shared/job/index.ts';
import type { ResolvedLoss } from './losses.ts';

/** Shape of one sample; `null` is a dimension that the model leaves open. */
export type SampleShape = readonly (number | null)[];

/** An input or output of a model. */
export interface ModelPort {
  /** The layer that it belongs to. */
  readonly layer: string;
  readonly shape: SampleShape;
}

export type LossKind = ResolvedLoss['kind'];

export interface DataFit {
  readonly modelInputs: readonly ModelPort[];
  readonly modelOutputs: readonly ModelPort[];
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  /** One for each output; null for a loss of the job's own, which takes what it gets. */
  readonly losses: readonly (LossKind | null)[];
}

/**
 * Compares what the data set delivers with what the model takes and what the loss needs.
 * @throws LockstepError data/shape, job/invalid
 */
export function checkData(fit: DataFit): void {
  checkCount('input', fit.modelInputs, fit.inputs);
  checkCount('output', fit.modelOutputs, fit.targets);
  for (const [index, port] of fit.modelInputs.entries()) {
    const spec = fit.inputs[index] as TensorSpec;
    if (matches(spec.shape, port.shape)) continue;
    throw new LockstepError(
      'data/shape',
      `layer ${port.layer} expects samples of shape ${showShape(port.shape)}, but the data set delivers ${showShape(spec.shape)}; ` +
        "change the model's inputShape, or the data's shape by a transform such as resize",
    );
  }
  for (const [index, port] of fit.modelOutputs.entries()) {
    const loss = fit.losses[index] ?? null;
    if (loss !== null) checkLoss(loss, port, fit.targets[index] as TensorSpec);
  }
}

function checkCount(what: string, ports: readonly ModelPort[], specs: readonly TensorSpec[]): void {
  if (ports.length === specs.length) return;
  const delivered = what === 'input' ? 'inputs' : 'targets';
  throw new LockstepError(
    'data/shape',
    `the model has ${ports.length} ${what}${ports.length === 1 ? '' : 's'} ` +
      `(${ports.map(({ layer }) => layer).join(', ')}), but the data set delivers ${specs.length} ${delivered} per sample`,
  );
}

const categorical: ReadonlySet<LossKind> = new Set([
  'categoricalCrossentropy',
  'categoricalFocalCrossentropy',
  'sparseCategoricalCrossentropy',
] as const);

/** @throws LockstepError job/invalid */
function checkLoss(loss: LossKind, port: ModelPort, spec: TensorSpec): void {
  const { layer, shape } = port;
  if (categorical.has(loss) && (shape.at(-1) === 1 || shape.length === 0)) {
    throw new LockstepError(
      'job/invalid',
      `${loss} needs an output per class, but layer ${layer} has one output; use binaryCrossentropy, or a unit per class`,
    );
  }
  checkTarget(loss, loss === 'sparseCategoricalCrossentropy' ? 'labels' : 'values', port, spec);
}

/**
 * Whether a loss or metric called `name` gets the targets that it needs: class numbers, or a value for each of the output's.
 * @throws LockstepError data/shape
 */
export function checkTarget(name: string, needs: 'labels' | 'values', port: ModelPort, spec: TensorSpec): void {
  const { layer, shape } = port;
  const classes = shape.at(-1);
  const expected = needs === 'labels' ? shape.slice(0, -1) : shape;
  if (matches(withoutTrailingOnes(spec.shape), withoutTrailingOnes(expected))) return;
  throw new LockstepError(
    'data/shape',
    `${name} on layer ${layer} with output shape ${showShape(shape)} expects targets of shape ${showShape(expected)}, ` +
      `but the data set delivers ${showShape(spec.shape)}; ${targetAdvice(name, needs, classes, spec)}`,
  );
}

function targetAdvice(
  name: string,
  needs: 'labels' | 'values',
  classes: number | null | undefined,
  spec: TensorSpec,
): string {
  const isLabel = withoutTrailingOnes(spec.shape).length === 0;
  const isOfClasses = (classes ?? 0) > 1 && needs === 'values' && isLabel;
  if (isOfClasses && /^(categoricalCrossentropy|categoricalAccuracy|topKCategoricalAccuracy)$/.test(name)) {
    const sparse = `sparse${name[0]?.toUpperCase()}${name.slice(1)}`;
    return `labels are class numbers: use ${sparse}, or one-hot encode them in ${classes} classes`;
  }
  if (isOfClasses) return `labels are class numbers: one-hot encode them in ${classes} classes (oneHot)`;
  if (needs === 'labels' && !isLabel)
    return `one-hot targets need ${name.replace(/^sparse(.)/, (_, first) => first.toLowerCase())}`;
  return "change the last layer's units or the data's targets";
}

function matches(actual: readonly number[], expected: SampleShape): boolean {
  return (
    actual.length === expected.length &&
    expected.every((length, dimension) => length === null || length === actual[dimension])
  );
}

/** Keras squeezes or expands a last dimension of size 1 where ranks differ; so do the losses. */
function withoutTrailingOnes<Length extends number | null>(shape: readonly Length[]): Length[] {
  const end = shape.findLastIndex((length) => length !== 1) + 1;
  return shape.slice(0, end);
}

export function showShape(shape: SampleShape): string {
  return `[${shape.map((length) => length ?? 'any').join(', ')}]`;
}
