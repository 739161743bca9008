import { at, invariant, LockstepError } from '../../shared/core/index.ts';
import type { OwnSampleFunction, TensorSpec } from '../../shared/job/index.ts';
import { BoundWeight } from './bound-weight.ts';
import type { TrainerOptions } from './engine.ts';
import { meanPerSample } from './losses.ts';
import { tf } from './tf.ts';

/**
 * What a step of the user's own computes of a replica's samples, over tf ops alone: `loss`, which is minimised, and
 * metrics by their names, each a value per sample, [rows] or [rows, …], whose mean over all but the first dimension is
 * taken.
 */
export type OwnStep = (inputs: tf.Tensor[], targets: tf.Tensor[], training: boolean) => OwnStepValues;
export type OwnStepValues = { readonly loss: tf.Tensor } & Readonly<Record<string, tf.Tensor>>;

/** Variables of the user's own by the names that they are saved under. */
export type OwnVariables = Readonly<Record<string, tf.Variable>> | readonly tf.Variable[];

export interface OwnStepOptions {
  readonly variables: OwnVariables;
  readonly step: OwnStep;
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
}

/** What a trainer of such a step is made with: its batches have the targets among the inputs, and no target of use. */
export type OwnStepTrainer = Pick<TrainerOptions, 'buildModel' | 'loss' | 'metrics' | 'inputs' | 'targets'>;

/**
 * A step of the user's own as a model whose only layer computes the loss, [rows, 1]. The metrics are values of the same
 * call, but no way from the weights to the loss leads through them: they need no gradients.
 * @throws LockstepError job/invalid for variables that cannot be trained, and for a step that gives no values per sample; job/threw
 */
export function ownStepTrainer({ variables, step, inputs, targets }: OwnStepOptions): OwnStepTrainer {
  const weights = bind(variables);
  const ports = [...inputs, ...targets];
  const compute = (tensors: tf.Tensor[], training: boolean): Record<string, tf.Tensor> =>
    step(tensors.slice(0, inputs.length), tensors.slice(inputs.length), training);
  const names = keepingValues(weights, () => tryStep(compute, ports));
  const metrics = new MetricValues();
  const lossOf = (tensors: tf.Tensor[], training: boolean): tf.Tensor => {
    const { loss, ...measured } = compute(tensors, training);
    const output = tf.reshape(meanPerSample(loss as tf.Tensor), [-1, 1]);
    metrics.keep(output, measured);
    return output;
  };
  return {
    buildModel: () => stepModel(weights, ports, lossOf),
    loss: ((_yTrue: tf.Tensor, yPred: tf.Tensor) => tf.squeeze(yPred, [-1])) as OwnSampleFunction,
    metrics: names.map((name) => metrics.of(name)),
    inputs: ports,
    targets: [{ shape: [], dtype: 'float32' }],
  };
}

function bind(variables: OwnVariables): BoundWeight[] {
  const named: [string, tf.Variable][] = Array.isArray(variables)
    ? (variables as tf.Variable[]).map((variable) => [variable?.name, variable])
    : Object.entries(variables as Readonly<Record<string, tf.Variable>>);
  if (named.length === 0) throw new LockstepError('job/invalid', 'compile: there are no variables to train.');
  return named.map(([name, variable]) => {
    if (variable instanceof tf.Variable && variable.dtype === 'float32') return new BoundWeight(name, variable);
    const got = variable instanceof tf.Variable ? `one of type ${variable.dtype}` : String(variable);
    throw new LockstepError('job/invalid', `compile: variables must be float32 variables of tf.variable, got ${got}.`);
  });
}

type Compute<Result> = (tensors: tf.Tensor[], training: boolean) => Result;

/** Runs the step on zeros. @returns the names of its metrics */
function tryStep(compute: Compute<Record<string, tf.Tensor>>, ports: readonly TensorSpec[]): string[] {
  // Two row counts, because a value per feature could look like one per sample.
  const names = [3, 2].map((rows) =>
    tf.tidy(() => {
      const zeros = ports.map(({ shape, dtype }) => tf.zeros([rows, ...shape], dtype));
      const values = callStep(() => compute(zeros, false));
      const { loss: _, ...metrics } = values;
      for (const name of ['loss', ...Object.keys(metrics)]) checkValue(name, values[name], rows);
      return Object.keys(metrics);
    }),
  );
  return at(names, 0);
}

/** A step may assign variables: none of it counts while it is tried. */
function keepingValues<T>(weights: readonly BoundWeight[], run: () => T): T {
  const before = weights.map((weight) => weight.read().clone());
  try {
    return run();
  } finally {
    for (const [index, weight] of weights.entries()) weight.write(before[index] as tf.Tensor);
    tf.dispose(before);
  }
}

function callStep<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw LockstepError.from(error, 'job/threw', 'the step threw: ');
  }
}

function checkValue(name: string, value: unknown, rows: number): void {
  if (value instanceof tf.Tensor && value.shape[0] === rows) return;
  const got =
    value instanceof Promise
      ? 'a promise: a step waits for nothing'
      : value instanceof tf.Tensor
        ? `shape [${value.shape.join(', ')}]`
        : String(value);
  throw new LockstepError(
    'job/invalid',
    `the step’s ${name} must be a tensor with a value for each of ${rows} samples, [${rows}] or [${rows}, …], got ${got}; ` +
      'Lockstep weighs the samples and takes the mean over those of all replicas itself',
    { details: { name, rows } },
  );
}

function stepModel(
  weights: readonly BoundWeight[],
  ports: readonly TensorSpec[],
  compute: Compute<tf.Tensor>,
): tf.LayersModel {
  const layer = new StepLayer(weights, compute);
  const inputs = ports.map(({ shape, dtype }, index) => tf.input({ shape: [...shape], dtype, name: `input${index}` }));
  return tf.model({ inputs, outputs: layer.apply(inputs) as tf.SymbolicTensor, name: 'loop' });
}

class StepLayer extends tf.layers.Layer {
  static readonly className = 'LockstepStep';
  readonly #compute: Compute<tf.Tensor>;

  constructor(weights: readonly BoundWeight[], compute: Compute<tf.Tensor>) {
    super({ name: 'step' });
    this.#compute = compute;
    const own = this as unknown as { _trainableWeights: BoundWeight[]; _nonTrainableWeights: BoundWeight[] };
    own._trainableWeights = weights.filter(({ trainable }) => trainable);
    own._nonTrainableWeights = weights.filter(({ trainable }) => !trainable);
  }

  override computeOutputShape(inputs: tf.Shape | tf.Shape[]): tf.Shape {
    const [first] = inputs as tf.Shape[];
    return [Array.isArray(first) ? (first[0] ?? null) : null, 1];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    return this.#compute([inputs].flat(), kwargs?.training === true);
  }
}

/** A loss function is tried on two outputs before the first one is used. */
const KEPT_CALLS = 2;

/** Metrics of the last calls of a step, by the loss that each call gave. */
class MetricValues {
  readonly #byOutput = new WeakMap<tf.Tensor, Readonly<Record<string, tf.Tensor>>>();
  #kept: readonly Readonly<Record<string, tf.Tensor>>[] = [];

  keep(output: tf.Tensor, values: Readonly<Record<string, tf.Tensor>>): void {
    for (const value of Object.values(values)) tf.keep(value);
    this.#byOutput.set(output, values);
    this.#kept = [...this.#kept, values];
    const over = this.#kept.length - KEPT_CALLS;
    if (over <= 0) return;
    for (const old of this.#kept.slice(0, over)) tf.dispose(Object.values(old));
    this.#kept = this.#kept.slice(over);
  }

  /** As a job's own metric. */
  of(name: string): OwnSampleFunction {
    const take = (_yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor => {
      const value = this.#byOutput.get(yPred)?.[name];
      invariant(value !== undefined, `the step gave ${name} with this loss`);
      return tf.cast(value, 'float32');
    };
    return Object.defineProperty(take, 'name', { value: name });
  }
}
