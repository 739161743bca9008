import { LockstepError, readWire, type Wire, wireExpected } from '../core/index.ts';
import { type Callback, checkCallbacks } from './callback.ts';
import { checkCount, show } from './checks.ts';
import { Dataset } from './dataset.ts';
import type { DatasetDescription, Job, OnNonFinite, Precision } from './job.ts';
import { nearestName, nonFinitePolicies, resolveName, resolvePrecision } from './names.ts';
import type { OptimizerConfig, OptimizerName } from './optimizer-config.ts';
import { resolveOptimizer } from './optimizers.ts';
import {
  type LossInput,
  type LossWeights,
  type MetricsInput,
  type OwnSampleFunction,
  readLosses,
  readLossWeights,
  readMetrics,
} from './per-output.ts';
import { countJob } from './program-jobs.ts';
import { type ClassWeight, weighClasses } from './sample-weights.ts';

/** What a job file passes to `defineJob`; `Own` is what a loss or metric of its own looks like. */
export interface JobInput<Model = unknown, Own = OwnSampleFunction> {
  /** Builds the model; a function, because its random weights must be drawn from the run's seed on every worker. */
  readonly model: () => Model | Promise<Model>;
  /** A name (Keras's defaults), or what a function of `optimizers` returned. */
  readonly optimizer: OptimizerName | OptimizerConfig;
  /**
   * A name (Keras's defaults), what a function of `losses` returned, or a function that gives each sample's loss. A model
   * with several outputs takes one for all, an array in the outputs' order, or `{ output: loss }`; the losses are added.
   */
  readonly loss: LossInput<Own> | readonly (LossInput<Own> | null)[] | Readonly<Record<string, LossInput<Own>>>;
  /** Factors of the outputs' losses, in their order or by name. Default 1 each. */
  readonly lossWeights?: LossWeights;
  /**
   * Names, what functions of `metrics` returned, or named functions that give each sample's value, whose mean is the
   * metric. With several outputs an array for each, in their order or `{ output: […] }`.
   */
  readonly metrics?: MetricsInput<Own>;
  /** Metrics in which samples count by their weights, as they do in the loss. */
  readonly weightedMetrics?: MetricsInput<Own>;
  readonly data: {
    readonly train: Dataset;
    /** Measured after every epoch. */
    readonly validation?: Dataset;
    /** Measured once, at the end. */
    readonly test?: Dataset;
  };
  /** The last share of the training data, before it is shuffled, validates in place of `data.validation`. As in Keras. */
  readonly validationSplit?: number;
  /** How much training samples of each class count in the loss and in `weightedMetrics`; a class not named counts 1. As in Keras. */
  readonly classWeight?: ClassWeight;
  /** Samples per batch over all replicas. Default 32, as in Keras. */
  readonly batchSize?: number;
  /**
   * Batches whose gradients are summed for one update, as Keras's `gradient_accumulation_steps`: a step is then this many
   * times `batchSize`, in the memory of one batch. Default 1.
   */
  readonly accumulate?: number;
  /** Passes over the training data. Default 1, as in Keras. */
  readonly epochs?: number;
  /** Decides initial weights, the order of samples and dropout: a whole number from 0 to 2⁵³ − 1. Default 0. */
  readonly seed?: number;
  /** False keeps the order of the data set in every epoch. Default true. */
  readonly shuffle?: boolean;
  /**
   * `mixed_bfloat16` multiplies matrices and convolves in bfloat16: faster where the processor has instructions for it,
   * with about 2 significant decimal digits in each product. Default `float32`.
   */
  readonly precision?: Precision;
  /**
   * `bfloat16` sends and sums gradients in half the bytes, rounded to 8 significant bits wherever they are computed, so
   * it changes the result. `top-k:F` sends of each replica's gradients the fraction F with the largest magnitudes,
   * `powersgd:R` of each weight matrix a factorization of rank R; the rest is kept for later steps. Default `float32`.
   */
  readonly wire?: Wire;
  /**
   * A step whose loss is not a finite number: `stop` ends the run and names the replica and its samples; `skip` leaves out
   * the update on all workers alike, also where gradients are not finite, and counts it. Default `stop`.
   */
  readonly onNonFinite?: OnNonFinite;
  /** Called while the job trains, once per run: made by functions of `callbacks`, or objects of your own. */
  readonly callbacks?: readonly Callback[];
  /**
   * False runs each op as it comes instead of compiling the step to a TensorFlow graph: slow, but for models and losses
   * that cannot be compiled. `--eager` and `--no-eager` win over it. Default true.
   */
  readonly compile?: boolean;
}

const fields = [
  'model',
  'optimizer',
  'loss',
  'lossWeights',
  'metrics',
  'weightedMetrics',
  'data',
  'validationSplit',
  'classWeight',
  'batchSize',
  'accumulate',
  'epochs',
  'seed',
  'shuffle',
  'precision',
  'wire',
  'onNonFinite',
  'callbacks',
  'compile',
] as const;
const splits = ['train', 'validation', 'test'] as const;

/** Registered, so that a job made by another copy of this package is known as one, too. */
const brand = Symbol.for('lockstep.job');

/**
 * Checks a job and fills in its defaults: `export default defineJob({ … })`.
 * @throws LockstepError job/invalid with the field, what was given and what was expected
 */
export function defineJob<Model>(input: JobInput<Model>): Job<Model> {
  if (typeof input !== 'object' || input === null) {
    throw new LockstepError('job/invalid', `defineJob expects an object { model, data, … }, got ${show(input)}.`);
  }
  checkFields('defineJob', input, fields);
  for (const field of ['model', 'optimizer', 'loss', 'data'] as const) {
    if (input[field] === undefined) throw new LockstepError('job/invalid', `the job has no ${field}.`);
  }
  const { model, batchSize = 32, accumulate = 1, epochs = 1, seed = 0, shuffle = true, compile = true } = input;
  checkModel(model);
  checkCount('batchSize', batchSize);
  checkCount('accumulate', accumulate);
  checkCount('epochs', epochs);
  checkSeed(seed);
  checkSwitch('shuffle', shuffle);
  checkSwitch('compile', compile);
  const job: Job<Model> = {
    model,
    optimizer: resolveOptimizer(input.optimizer),
    loss: readLosses(input.loss),
    lossWeights: input.lossWeights === undefined ? null : readLossWeights(input.lossWeights),
    metrics: readMetrics('metrics', input.metrics ?? []),
    weightedMetrics: readMetrics('weightedMetrics', input.weightedMetrics ?? []),
    data: describeData(input),
    batchSize,
    accumulate,
    epochs,
    seed,
    shuffle,
    precision: resolvePrecision(input.precision ?? 'float32'),
    wire: checkWire(input.wire ?? 'float32'),
    onNonFinite: resolveName('onNonFinite', input.onNonFinite ?? 'stop', nonFinitePolicies),
    callbacks: checkCallbacks(input.callbacks ?? []),
    compile,
  };
  Object.defineProperty(job, brand, { value: countJob(job) });
  return Object.freeze(job);
}

/** Whether `value` was made by defineJob. */
export function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && brand in value;
}

/** How many jobs this program had defined before it. */
export function jobsBefore(job: Job): number {
  return (job as unknown as Record<typeof brand, number>)[brand];
}

function checkFields(owner: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  throw new LockstepError(
    'job/invalid',
    `${owner} knows no "${unknown}"; did you mean "${nearestName(unknown, known)}"? Known: ${known.join(', ')}.`,
  );
}

function checkModel(model: unknown): void {
  if (typeof model === 'function') return;
  throw new LockstepError(
    'job/invalid',
    `model must be a function that builds the model, such as () => tf.sequential({ … }), got ${show(model)}; ` +
      'every worker calls it with random numbers drawn from the seed.',
  );
}

function checkSeed(seed: unknown): void {
  if (Number.isSafeInteger(seed) && (seed as number) >= 0) return;
  throw new LockstepError('job/invalid', `seed must be a whole number from 0 to 2^53 - 1, got ${show(seed)}.`);
}

function checkSwitch(field: string, value: unknown): void {
  if (typeof value === 'boolean') return;
  throw new LockstepError('job/invalid', `${field} must be true or false, got ${show(value)}.`);
}

function checkWire(wire: unknown): Wire {
  const known = readWire(wire);
  if (known !== undefined) return known;
  throw new LockstepError('job/invalid', `wire must be ${wireExpected}, got ${show(wire)}.`);
}

function describeData({
  data,
  validationSplit,
  classWeight,
}: Pick<JobInput, 'validationSplit' | 'classWeight'> & { readonly data: unknown }): Job['data'] {
  if (typeof data !== 'object' || data === null) {
    throw new LockstepError('job/invalid', `data must be an object { train, validation?, test? }, got ${show(data)}.`);
  }
  checkFields('data', data, splits);
  const given = data as Partial<Record<(typeof splits)[number], unknown>>;
  const [first, rest] = splitOff(describeSplit('train', given.train), validationSplit);
  const validation = given.validation === undefined ? rest : describeSplit('validation', given.validation);
  if (given.validation !== undefined && rest !== undefined) {
    throw new LockstepError('job/invalid', 'the job has data.validation and a validationSplit; use one of them.');
  }
  return Object.freeze({
    train: classWeight === undefined ? first : weighClasses(first, classWeight),
    ...(validation === undefined ? {} : { validation }),
    ...(given.test === undefined ? {} : { test: describeSplit('test', given.test) }),
  });
}

/** The training data, and what is split off for validation. */
function splitOff(
  train: DatasetDescription,
  share: number | undefined,
): [train: DatasetDescription, validation: DatasetDescription | undefined] {
  if (share === undefined) return [train, undefined];
  if (!(share > 0 && share < 1)) {
    throw new LockstepError('job/invalid', `validationSplit must be a number between 0 and 1, got ${show(share)}.`);
  }
  const [first, rest] = new Dataset(train).split(1 - share);
  return [first.describe(), rest.describe()];
}

function describeSplit(split: string, dataset: unknown): Job['data']['train'] {
  // By its method, not its class: a data set may come from another copy of this package.
  if (typeof dataset === 'object' && dataset !== null && 'describe' in dataset) return (dataset as Dataset).describe();
  throw new LockstepError(
    'job/invalid',
    `data.${split} must be a data set made by a function of \`datasets\`, such as datasets.cifar10({ split: 'train' }), ` +
      `got ${show(dataset)}.`,
  );
}
