import { at, invariant } from '../../../shared/core/index.ts';
import {
  type Batch,
  type BatchValues,
  metricName,
  type OptimizerConfig,
  type TensorSpec,
} from '../../../shared/job/index.ts';
import { checkLabels } from '../batch-tensors.ts';
import { buildModel } from '../build-model.ts';
import type {
  Contribution,
  ContributionLayout,
  EvaluationSums,
  Gradients,
  Microstep,
  NamedWeight,
  Trainer,
  TrainerOptions,
} from '../engine.ts';
import { assertFiniteLoss } from '../finite-loss.ts';
import type { Inspection } from '../inspection.ts';
import { ModelWeights, type WeightDescription } from '../model-weights.ts';
import type { NativeBackend } from '../native-backend.ts';
import { contributionLayout, emptyContribution, planNetwork } from '../network.ts';
import { optimizerRule } from '../optimizers/optimizer-rule.ts';
import type { OptimizerRule } from '../optimizers/rule.ts';
import { stepNumbers } from '../optimizers/step-numbers.ts';
import { asGradients, asWords } from '../packed-gradients.ts';
import { stepSeed } from '../random-layers.ts';
import { sumEvaluation } from '../sum-evaluation.ts';
import type { tf } from '../tf.ts';
import { feedNames } from './feed-names.ts';
import { GraphInspection } from './graph-inspection.ts';
import { type FeedValue, GraphSession } from './graph-session.ts';
import { buildTrainGraph, type TrainGraph } from './train-graph.ts';

/**
 * Trains by a TensorFlow graph that was recorded from one eager step: a microstep and an update are one call each, and
 * weights and optimizer slots stay in the session. The tfjs model is gone once it is recorded.
 */
export class CompiledTrainer implements Trainer {
  readonly layout: ContributionLayout;
  readonly parameters: number;
  readonly metricCount: number;
  readonly metricNames: readonly string[];
  readonly modelName: string;
  readonly topology: unknown;
  readonly inspection: Inspection;
  readonly #graph: TrainGraph;
  readonly #session: GraphSession;
  #optimizer: OptimizerConfig;
  readonly #rule: OptimizerRule;
  readonly #inputs: readonly TensorSpec[];
  readonly #targets: readonly TensorSpec[];
  readonly #classes: readonly number[];
  readonly #weights: ModelWeights;
  readonly #described: readonly WeightDescription[];
  readonly #rows: number;
  readonly #seed: number;

  /** @throws LockstepError job/threw, job/invalid, data/shape, engine/unsupported, engine/impure */
  static async create(options: TrainerOptions, backend: NativeBackend): Promise<CompiledTrainer> {
    const model = await buildModel(options.buildModel, options.seed);
    try {
      return new CompiledTrainer(model, options, backend);
    } finally {
      model.dispose();
    }
  }

  private constructor(model: tf.LayersModel, options: TrainerOptions, backend: NativeBackend) {
    this.#weights = new ModelWeights(model);
    this.#described = this.#weights.describe();
    const network = planNetwork(model, options, this.#weights.rename);
    this.topology = this.#weights.topology();
    this.modelName = this.#weights.rename(model.name);
    this.parameters = model.countParams();
    this.metricNames = options.metrics.map(metricName);
    this.metricCount = options.metrics.length;
    this.#inputs = options.inputs;
    this.#targets = options.targets;
    this.#classes = network.classes;
    this.#optimizer = options.optimizer;
    this.#rule = optimizerRule(options.optimizer);
    this.#rows = at(options.rows, 0);
    this.#seed = options.seed;
    this.layout = contributionLayout(network, options.wire ?? 'float32');
    const { optimizer, inputs, targets, rows } = options;
    this.#graph = buildTrainGraph({
      ...{ backend, network, optimizer, inputs, targets, rows },
      precision: options.precision ?? 'float32',
      wire: this.layout.wire,
      replicas: options.replicas ?? 1,
      rename: this.#weights.rename,
    });
    this.#session = new GraphSession(backend.binding, this.#graph.nodes);
    this.#assign(this.#weights.read());
    this.inspection = new GraphInspection(backend.binding, this.#graph.nodes, this.#session, this);
  }

  forwardBackward(batch: Batch, microstep: Microstep): Contribution {
    const parts = [...this.parts(batch, microstep)];
    return { gradients: parts.slice(0, -1), statistics: at(parts, parts.length - 1) as Float32Array };
  }

  *parts(batch: Batch, microstep: Microstep): Generator<Gradients> {
    const rows = batch.realRows;
    if (rows === 0) {
      const { gradients, statistics } = emptyContribution(this.layout);
      yield* gradients;
      yield statistics;
      return;
    }
    const runs = this.#graph.microsteps.get(rows);
    invariant(runs !== undefined, `a training batch of ${rows} rows was announced`);
    const inputs = this.#session.upload(this.#microstepFeeds(batch, microstep));
    try {
      for (const { outputs, results } of runs) yield* inputs.run(outputs).slice(0, results).map(asGradients);
    } finally {
      inputs.release();
    }
  }

  trainWhole(batch: Batch, microstep: Microstep): Float32Array {
    const { step, replicas } = microstep;
    invariant(replicas === 1, 'a step of several replicas is reduced before it is applied');
    const rows = batch.realRows;
    invariant(rows > 0, 'the only replica of a step has samples');
    const outputs = this.#graph.wholeSteps.get(rows);
    invariant(outputs !== undefined, `a training batch of ${rows} rows was announced`);
    const [, statistics] = this.#session.run(
      [...this.#microstepFeeds(batch, microstep), ...this.#numbers(step)],
      outputs,
    );
    invariant(statistics !== undefined, 'a step has statistics');
    assertFiniteLoss({ gradients: [], statistics }, step);
    return statistics;
  }

  apply(reduced: Contribution, step: number): void {
    assertFiniteLoss(reduced, step);
    const feeds = this.#numbers(step);
    for (const [index, gradients] of reduced.gradients.entries()) {
      const values = asWords(gradients);
      feeds.push({ name: feedNames.bucket(index), shape: [values.length], values });
    }
    const changes = reduced.statistics.subarray(1 + this.metricCount);
    if (changes.length > 0) feeds.push({ name: feedNames.changes, shape: [changes.length], values: changes });
    this.#session.run(feeds, [this.#graph.apply]);
  }

  setLearningRate(learningRate: number): void {
    this.#optimizer = { ...this.#optimizer, learningRate };
  }

  evaluate(batch: Batch): EvaluationSums {
    if (batch.realRows === 0)
      return { samples: 0, lossSum: 0, metricSums: new Array<number>(this.metricCount).fill(0) };
    this.#checkLabels(batch);
    const [samples, penalty] = this.#session.run(this.#batchFeeds(batch, this.#rows), this.#graph.evaluation);
    invariant(samples !== undefined && penalty !== undefined, 'an evaluation has two results');
    return sumEvaluation(samples, at(penalty, 0), batch, this.#rows, this.metricCount);
  }

  predict(batch: Batch): Float32Array[] {
    const feeds = this.#batchFeeds({ ...batch, targets: [] }, this.#rows);
    const share = batch.realRows / this.#rows;
    return this.#session.run(feeds, this.#graph.prediction).map((values) => values.slice(0, values.length * share));
  }

  readWeights(): NamedWeight[] {
    const values = this.#session.run([], this.#graph.weights);
    return this.#described.map((described, index) => ({ ...described, values: at(values, index) }));
  }

  writeWeights(weights: readonly NamedWeight[]): void {
    this.#weights.check(weights);
    // A copy, because a variable may live in the array that it was set from.
    this.#assign(weights.map((weight) => ({ ...weight, values: weight.values.slice() })));
  }

  close(): void {
    this.#session.close();
  }

  /** Sets the weights and clears the optimizer's slots. */
  #assign(weights: readonly NamedWeight[]): void {
    const feeds = weights.map(({ shape, values }, index) => ({ name: feedNames.initial(index), shape, values }));
    this.#session.run(feeds, [this.#graph.assign]);
  }

  #numbers(step: number): FeedValue[] {
    return stepNumbers(this.#optimizer, this.#rule, step).map((number, index) => ({
      name: feedNames.number(index),
      shape: [],
      values: new Float32Array([number]),
    }));
  }

  #microstepFeeds(batch: Batch, { step, replica, globalSamples }: Microstep): FeedValue[] {
    const rows = batch.realRows;
    this.#checkLabels(batch);
    return [
      ...this.#batchFeeds(batch, rows),
      { name: feedNames.globalSamples(rows), shape: [], values: new Float32Array([globalSamples]) },
      { name: feedNames.samples(rows), shape: [], values: new Float32Array([rows]) },
      { name: feedNames.seed(rows), shape: [2], values: stepSeed(this.#seed, step, replica) },
    ];
  }

  /** Feeds the first `rows` rows; only a batch for evaluation may have padding among them. */
  #batchFeeds(batch: Batch, rows: number): FeedValue[] {
    const feed = (name: string, values: BatchValues, { shape, dtype }: TensorSpec): FeedValue => {
      const length = shape.reduce((product, count) => product * count, rows);
      invariant(values.length >= length, `a batch has ${rows} rows of [${shape}]`);
      const typed = dtype === 'int32' ? Int32Array : Float32Array;
      const part = values.subarray(0, length);
      return { name, shape: [rows, ...shape], values: part instanceof typed ? part : typed.from(part) };
    };
    return [
      ...batch.inputs.map((values, index) => feed(feedNames.input(rows, index), values, at(this.#inputs, index))),
      ...batch.targets.map((values, index) => feed(feedNames.target(rows, index), values, at(this.#targets, index))),
      feed(feedNames.weights(rows), batch.weights, { shape: [], dtype: 'float32' }),
    ];
  }

  #checkLabels(batch: Batch): void {
    checkLabels(batch, this.#targets.slice(0, this.#classes.length), this.#classes);
  }
}
