import { at, invariant } from '../../../shared/core/index.ts';
import type { Batch, BatchValues, OptimizerConfig, TensorSpec } from '../../../shared/job/index.ts';
import type { MetricDefinition } from '../../../shared/metrics/index.ts';
import { type BatchShape, type DeclaredSamples, shapeOf } from '../batch-shape.ts';
import { checkLabels } from '../batch-tensors.ts';
import { buildModel } from '../build-model.ts';
import type {
  Contribution,
  ContributionLayout,
  EvaluationSums,
  Gradients,
  Microstep,
  ModelOutput,
  NamedWeight,
  Trainer,
  TrainerMemory,
  TrainerOptions,
  TrainerState,
} from '../engine.ts';
import { assertFiniteLoss } from '../finite-loss.ts';
import type { Inspection } from '../inspection.ts';
import { laneOf } from '../lane.ts';
import { checkFit, ModelWeights, type SlotDescription, type WeightDescription } from '../model-weights.ts';
import type { NativeBackend } from '../native-backend.ts';
import { contributionLayout, emptyContribution, planNetwork } from '../network.ts';
import { optimizerRule } from '../optimizers/optimizer-rule.ts';
import type { OptimizerRule } from '../optimizers/rule.ts';
import { stepNumbers } from '../optimizers/step-numbers.ts';
import { asGradients, asWords } from '../packed-gradients.ts';
import { stepSeed } from '../random-layers.ts';
import { firstColumn, sumEvaluation } from '../sum-evaluation.ts';
import type { tf } from '../tf.ts';
import { announcedParts } from './announced-parts.ts';
import { feedNames } from './feed-names.ts';
import { GraphInspection } from './graph-inspection.ts';
import type { FeedValue } from './graph-session.ts';
import { kernelSlots } from './optimizer-kernels.ts';
import { ShapedSession } from './shaped-session.ts';

/**
 * Trains by a TensorFlow graph that was recorded from one eager step: a microstep and an update are one call each, and
 * weights and optimizer slots stay in the session. A batch of another shape is recorded and compiled when it comes.
 */
export class CompiledTrainer implements Trainer {
  readonly layout: ContributionLayout;
  readonly parameters: number;
  readonly metrics: readonly MetricDefinition[];
  readonly metricWidth: number;
  readonly modelName: string;
  readonly outputs: readonly ModelOutput[];
  readonly topology: unknown;
  readonly inspection: Inspection;
  readonly #compiled: ShapedSession;
  #optimizer: OptimizerConfig;
  readonly #rule: OptimizerRule;
  readonly #declared: DeclaredSamples;
  readonly #checkFit: (samples: DeclaredSamples) => void;
  readonly #classes: readonly (number | null)[];
  readonly #weights: ModelWeights;
  readonly #described: readonly WeightDescription[];
  readonly #slots: readonly SlotDescription[];
  readonly #seed: number;

  /** @throws LockstepError job/threw, job/invalid, data/shape, engine/unsupported, engine/impure */
  static async create(options: TrainerOptions, backend: NativeBackend): Promise<CompiledTrainer> {
    const model = await buildModel(options.buildModel, options.seed);
    try {
      return new CompiledTrainer(model, options, backend);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  private constructor(model: tf.LayersModel, options: TrainerOptions, backend: NativeBackend) {
    this.#weights = new ModelWeights(model);
    this.#described = this.#weights.describe();
    const network = planNetwork(model, options, this.#weights.rename);
    this.topology = this.#weights.topology();
    this.outputs = this.#weights.outputs();
    this.modelName = this.#weights.rename(model.name);
    this.parameters = model.countParams();
    this.metrics = network.metrics.map(({ definition }) => definition);
    this.metricWidth = network.metricWidth;
    this.#declared = { inputs: options.inputs, targets: options.targets };
    this.#checkFit = network.checkFit;
    this.#classes = network.classes;
    this.#optimizer = options.optimizer;
    this.#rule = optimizerRule(options.optimizer);
    this.#slots = this.#weights.describeSlots(network.trainable, kernelSlots(options.optimizer));
    this.#seed = options.seed;
    this.layout = contributionLayout(network, options.wire ?? 'float32');
    this.#compiled = new ShapedSession({
      ...{ backend, network, optimizer: options.optimizer, announced: announcedParts(options) },
      initial: this.#weights.read(),
      ...{ limit: options.keptShapes, onCompiled: options.onCompiled, rename: this.#weights.rename },
      precision: options.precision ?? 'float32',
      wire: this.layout.wire,
      replicas: options.replicas ?? 1,
      accumulate: options.accumulate ?? 1,
    });
    this.inspection = new GraphInspection(backend.binding, this.#compiled, this);
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
    const shape = this.#shapeOf(batch, rows);
    const runs = this.#compiled.graphFor('training', shape).microsteps.get(shape.key);
    invariant(runs !== undefined, 'a shape that was asked for is compiled');
    const inputs = this.#compiled.session.upload(this.#microstepFeeds(batch, shape, microstep));
    const place = isFirst(microstep) ? 'alone' : 'last';
    this.#compiled.accumulates = false;
    try {
      for (const { [place]: outputs, results } of runs) yield* inputs.run(outputs).slice(0, results).map(asGradients);
    } finally {
      inputs.release();
    }
  }

  accumulate(batch: Batch, microstep: Microstep): void {
    const shape = this.#shapeOf(batch, batch.realRows);
    const runs = this.#compiled.graphFor('training', shape).microsteps.get(shape.key);
    invariant(runs !== undefined, 'a shape that was asked for is compiled');
    const inputs = this.#compiled.session.upload(this.#microstepFeeds(batch, shape, microstep));
    // Whatever an abandoned step left is overwritten by the first microstep of the next.
    const place = isFirst(microstep) ? 'first' : 'next';
    try {
      for (const { [place]: outputs } of runs) inputs.run(outputs);
    } finally {
      inputs.release();
    }
    this.#compiled.accumulates = true;
  }

  trainWhole(batch: Batch, microstep: Microstep): Float32Array {
    const { step, replicas } = microstep;
    invariant(replicas === 1, 'a step of several replicas is reduced before it is applied');
    const rows = batch.realRows;
    invariant(rows > 0, 'the only replica of a step has samples');
    const shape = this.#shapeOf(batch, rows);
    const whole = this.#compiled.graphFor('training', shape).wholeSteps.get(shape.key);
    invariant(whole !== undefined, 'a run of one replica compiles whole steps');
    const feeds = [...this.#microstepFeeds(batch, shape, microstep), ...this.#numbers(step)];
    const [, statistics] = this.#compiled.session.run(feeds, isFirst(microstep) ? whole.alone : whole.last);
    this.#compiled.accumulates = false;
    invariant(statistics !== undefined, 'a step has statistics');
    assertFiniteLoss(statistics[0], step, microstep.replica);
    return statistics;
  }

  apply(reduced: Contribution, step: number): void {
    assertFiniteLoss(reduced.statistics[0], step);
    const feeds = this.#numbers(step);
    for (const [index, gradients] of reduced.gradients.entries()) {
      const values = asWords(gradients);
      feeds.push({ name: feedNames.bucket(index), shape: [values.length], values });
    }
    const changes = reduced.statistics.subarray(1 + this.metricWidth);
    if (changes.length > 0) feeds.push({ name: feedNames.changes, shape: [changes.length], values: changes });
    this.#compiled.session.run(feeds, [this.#compiled.graph.apply]);
  }

  setLearningRate(learningRate: number): void {
    this.#optimizer = { ...this.#optimizer, learningRate };
  }

  evaluate(batch: Batch): EvaluationSums {
    if (batch.realRows === 0)
      return { samples: 0, lossSum: 0, metricSums: new Array<number>(this.metricWidth).fill(0) };
    const { samples, penalty } = this.#evaluated(batch);
    return sumEvaluation(samples, at(penalty, 0), batch, this.metricWidth);
  }

  sampleLosses(batch: Batch): Float32Array {
    return firstColumn(this.#evaluated(batch).samples, batch.realRows, 1 + this.metricWidth);
  }

  predict(batch: Batch): Float32Array[] {
    const { rows, realRows } = batch;
    const shape = this.#shapeOf(batch, rows);
    const outputs = this.#compiled.graphFor('prediction', shape).predictions.get(shape.key);
    invariant(outputs !== undefined, 'a shape that was asked for is compiled');
    const made = this.#compiled.session.run(this.#batchFeeds({ ...batch, targets: [] }, shape), outputs);
    return made.map((values) => values.slice(0, (values.length / rows) * realRows));
  }

  memory(): TrainerMemory {
    const { weightBytes, slotBytes } = this.inspection;
    return { modelBytes: weightBytes + slotBytes, valueBytes: this.#compiled.valueBytes };
  }

  readWeights(): NamedWeight[] {
    const values = this.#compiled.session.run([], this.#compiled.graph.weights);
    return this.#described.map((described, index) => ({ ...described, values: at(values, index) }));
  }

  writeWeights(weights: readonly NamedWeight[]): void {
    this.#weights.check(weights);
    this.#compiled.assign(weights);
  }

  readState(): TrainerState {
    const { weights, slots } = this.#compiled.graph;
    const values = this.#compiled.session.run([], [...weights, ...slots]);
    return {
      weights: this.#described.map((described, index) => ({ ...described, values: at(values, index) })),
      slots: this.#slots.map((described, index) => ({ ...described, values: at(values, weights.length + index) })),
    };
  }

  writeState(state: TrainerState): void {
    this.#weights.check(state.weights);
    checkFit('slot', state.slots, this.#slots);
    this.#compiled.restore(state);
  }

  close(): void {
    this.#compiled.close();
  }

  /** `samples`: [rows, 1 + metricWidth]. */
  #evaluated(batch: Batch): { readonly samples: Float32Array; readonly penalty: Float32Array } {
    const shape = this.#shapeOf(batch, batch.rows);
    this.#checkLabels(batch, shape);
    const outputs = this.#compiled.graphFor('evaluation', shape).evaluations.get(shape.key);
    invariant(outputs !== undefined, 'a shape that was asked for is compiled');
    const [samples, penalty] = this.#compiled.session.run(this.#batchFeeds(batch, shape), outputs);
    invariant(samples !== undefined && penalty !== undefined, 'an evaluation has two results');
    return { samples, penalty };
  }

  #numbers(step: number): FeedValue[] {
    return stepNumbers(this.#optimizer, this.#rule, step).map((number, index) => ({
      name: feedNames.number(index),
      shape: [],
      values: new Float32Array([number]),
    }));
  }

  #shapeOf(batch: Batch, rows: number): BatchShape {
    const shape = shapeOf(this.#declared, rows, batch.shapes);
    if (batch.shapes !== undefined) this.#checkFit(shape);
    return shape;
  }

  #microstepFeeds(batch: Batch, shape: BatchShape, microstep: Microstep): FeedValue[] {
    const { step, globalSamples } = microstep;
    const { key, rows } = shape;
    this.#checkLabels(batch, shape);
    return [
      ...this.#batchFeeds(batch, shape),
      { name: feedNames.globalSamples(key), shape: [], values: new Float32Array([globalSamples]) },
      { name: feedNames.samples(key), shape: [], values: new Float32Array([rows]) },
      { name: feedNames.seed(key), shape: [2], values: stepSeed(this.#seed, step, laneOf(microstep)) },
    ];
  }

  /** Feeds the rows of `shape`, the first ones of the batch; only a batch for evaluation may have padding among them. */
  #batchFeeds(batch: Batch, { key, rows, inputs, targets }: BatchShape): FeedValue[] {
    const feed = (name: string, values: BatchValues, { shape, dtype }: TensorSpec): FeedValue => {
      const length = shape.reduce((product, count) => product * count, rows);
      invariant(values.length >= length, `a batch has ${rows} rows of [${shape}]`);
      const typed = dtype === 'int32' ? Int32Array : Float32Array;
      const part = values.subarray(0, length);
      return { name, shape: [rows, ...shape], values: part instanceof typed ? part : typed.from(part) };
    };
    return [
      ...batch.inputs.map((values, index) => feed(feedNames.input(key, index), values, at(inputs, index))),
      ...batch.targets.map((values, index) => feed(feedNames.target(key, index), values, at(targets, index))),
      feed(feedNames.weights(key), batch.weights, { shape: [], dtype: 'float32' }),
    ];
  }

  #checkLabels(batch: Batch, { targets }: BatchShape): void {
    checkLabels(batch, targets, this.#classes);
  }
}

function isFirst({ microstep = 0 }: Microstep): boolean {
  return microstep === 0;
}
