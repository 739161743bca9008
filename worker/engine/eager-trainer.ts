import { at } from '../../shared/core/index.ts';
import type { Batch, TensorSpec } from '../../shared/job/index.ts';
import type { MetricDefinition } from '../../shared/metrics/index.ts';
import { shapeOf } from './batch-shape.ts';
import { checkLabels, uploadBatch } from './batch-tensors.ts';
import { buildModel } from './build-model.ts';
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
} from './engine.ts';
import { assertFiniteLoss } from './finite-loss.ts';
import { laneOf } from './lane.ts';
import { type BatchTensors, evaluationStep, forward, microstep, variableOf } from './microstep.ts';
import { checkFit, ModelWeights, type SlotDescription } from './model-weights.ts';
import { contributionLayout, emptyContribution, planNetwork } from './network.ts';
import { OptimizerState } from './optimizer-state.ts';
import { packGradients, unpackGradients } from './packed-gradients.ts';
import { stepSeed } from './random-layers.ts';
import { readFloats } from './read-tensor.ts';
import { SeededLayers } from './seeded-layers.ts';
import { randomPurpose, withSeededRandom } from './seeded-random.ts';
import { firstColumn, sumEvaluation } from './sum-evaluation.ts';
import { tf } from './tf.ts';
import { watchFailures } from './watch-failures.ts';

/** Trains by running each op of a step as it comes; any model that tfjs can train. */
export class EagerTrainer implements Trainer {
  readonly layout: ContributionLayout;
  readonly parameters: number;
  readonly metrics: readonly MetricDefinition[];
  readonly metricWidth: number;
  readonly modelName: string;
  readonly outputs: readonly ModelOutput[];
  readonly topology: unknown;
  readonly #network: ReturnType<typeof planNetwork>;
  readonly #weights: ModelWeights;
  readonly #optimizer: OptimizerState;
  readonly #slots: readonly SlotDescription[];
  readonly #seededLayers: SeededLayers;
  readonly #seed: number;
  readonly #inputs: readonly TensorSpec[];
  readonly #targets: readonly TensorSpec[];
  /** Buckets and statistics of the microsteps so far, where others follow. */
  #accumulated: readonly Float32Array[] | undefined;
  #closed = false;

  /** @throws LockstepError job/threw, job/invalid, data/shape, engine/unsupported */
  static async create(options: TrainerOptions): Promise<EagerTrainer> {
    const model = await buildModel(options.buildModel, options.seed);
    try {
      return new EagerTrainer(model, options);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  private constructor(model: tf.LayersModel, options: TrainerOptions) {
    this.#weights = new ModelWeights(model);
    this.#network = planNetwork(model, options, this.#weights.rename);
    this.#optimizer = new OptimizerState(options.optimizer, this.#network.trainable);
    this.#slots = this.#weights.describeSlots(this.#network.trainable, this.#optimizer.slotNames);
    this.#seed = options.seed;
    this.#inputs = options.inputs;
    this.#targets = options.targets;
    this.topology = this.#weights.topology();
    this.outputs = this.#weights.outputs();
    this.#seededLayers = new SeededLayers(model);
    this.modelName = this.#weights.rename(model.name);
    this.parameters = model.countParams();
    this.metrics = this.#network.metrics.map(({ definition }) => definition);
    this.metricWidth = this.#network.metricWidth;
    this.layout = contributionLayout(this.#network, options.wire ?? 'float32');
  }

  accumulate(batch: Batch, microstep: Microstep): void {
    this.#accumulated = this.#joined(this.#compute(batch, microstep), microstep);
  }

  forwardBackward(batch: Batch, microstep: Microstep): Contribution {
    if (batch.realRows === 0) return emptyContribution(this.layout);
    const values = this.#joined(this.#compute(batch, microstep), microstep);
    this.#accumulated = undefined;
    return {
      gradients: values.slice(0, -1).map((bucket) => packGradients(bucket, this.layout.wire)),
      statistics: at(values, values.length - 1),
    };
  }

  /** With what was accumulated before. */
  #joined(values: readonly Float32Array[], { microstep = 0 }: Microstep): readonly Float32Array[] {
    // What an abandoned step left counts for nothing.
    if (microstep === 0) return values;
    for (const [index, before] of (this.#accumulated ?? []).entries()) addTo(at(values, index), before);
    return values;
  }

  /** The buckets, then the statistics. */
  #compute(batch: Batch, place: Microstep): Float32Array[] {
    const { step, globalSamples } = place;
    const lane = laneOf(place);
    // The tensorflow engine's random layers mix their own seed with the step's (random-layers.ts).
    if (tf.getBackend() === 'cpu') this.#seededLayers.reseed(this.#seed, step, lane);
    return this.#onDevice(`step ${step}, replica ${place.replica}`, batch, (tensors) =>
      withSeededRandom([this.#seed, randomPurpose.microstep, step, lane], () => {
        const scale = {
          globalSamples: tf.scalar(globalSamples),
          samples: tf.scalar(batch.realRows),
          seed: tf.tensor1d(stepSeed(this.#seed, step, lane), 'int32'),
        };
        const { gradients, statistics } = microstep(this.#network, tensors, scale);
        return [...gradients, statistics].map(readFloats);
      }),
    );
  }

  *parts(batch: Batch, microstep: Microstep): Generator<Gradients> {
    const { gradients, statistics } = this.forwardBackward(batch, microstep);
    yield* gradients;
    yield statistics;
  }

  apply(reduced: Contribution, step: number): void {
    assertFiniteLoss(reduced.statistics[0], step);
    const { buckets } = this.#network;
    this.#optimizer.apply(buckets, unpackGradients(reduced, buckets), step);
    tf.tidy(() => {
      let offset = 1 + this.metricWidth;
      for (const weight of this.#network.statistics) {
        const { size } = weight.read();
        const change = tf.tensor(reduced.statistics.subarray(offset, offset + size), weight.shape as number[]);
        offset += size;
        variableOf(weight).assign(tf.add(weight.read(), change));
      }
    });
  }

  setLearningRate(rate: number): void {
    this.#optimizer.setLearningRate(rate);
  }

  evaluate(batch: Batch): EvaluationSums {
    const rows = batch.realRows;
    if (rows === 0) return { samples: 0, lossSum: 0, metricSums: new Array<number>(this.metricWidth).fill(0) };
    return this.#onDevice('evaluation', batch, (tensors) => {
      const { samples, penalty } = evaluationStep(this.#network, tensors);
      return sumEvaluation(readFloats(samples), readFloats(penalty)[0] ?? 0, batch, this.metricWidth);
    });
  }

  sampleLosses(batch: Batch): Float32Array {
    return this.#onDevice('evaluation', batch, (tensors) =>
      firstColumn(readFloats(evaluationStep(this.#network, tensors).samples), batch.realRows, 1 + this.metricWidth),
    );
  }

  predict(batch: Batch): Float32Array[] {
    if (batch.realRows === 0) return this.#network.model.outputs.map(() => new Float32Array(0));
    return this.#onDevice('prediction', { ...batch, targets: [] }, ({ inputs }) =>
      forward(this.#network.model, inputs, false).map(readFloats),
    );
  }

  memory(): TrainerMemory {
    const weights = this.#network.model.weights.reduce((bytes, weight) => bytes + 4 * weight.read().size, 0);
    return { modelBytes: weights + this.#optimizer.bytes, valueBytes: 0 };
  }

  readWeights(): NamedWeight[] {
    return this.#weights.read();
  }

  writeWeights(weights: readonly NamedWeight[]): void {
    this.#weights.write(weights);
    this.#optimizer.reset();
    this.#accumulated = undefined;
  }

  readState(): TrainerState {
    const values = this.#optimizer.readSlots();
    return {
      weights: this.readWeights(),
      slots: this.#slots.map((described, index) => ({ ...described, values: at(values, index) })),
    };
  }

  writeState({ weights, slots }: TrainerState): void {
    checkFit('slot', slots, this.#slots);
    this.#weights.write(weights);
    this.#optimizer.writeSlots(slots.map(({ values }) => values));
    this.#accumulated = undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#optimizer.dispose();
    this.#network.model.dispose();
  }

  /**
   * Runs `fn` on the batch's tensors; every tensor that it makes is gone afterwards. Not tf.tidy, which looks for
   * tensors in what `fn` returns, value by value in a typed array.
   */
  #onDevice<T>(what: string, batch: Batch, fn: (tensors: BatchTensors) => T): T {
    const shape = shapeOf({ inputs: this.#inputs, targets: this.#targets }, batch.realRows, batch.shapes);
    if (batch.shapes !== undefined) this.#network.checkFit(shape);
    const targets = batch.targets.length === 0 ? [] : shape.targets;
    if (targets.length > 0) checkLabels(batch, targets, this.#network.classes);
    tf.engine().startScope();
    try {
      const tensors = uploadBatch(batch, shape.inputs, targets);
      return watchFailures(this.#network.model, this.#weights.rename, what, () => fn(tensors));
    } finally {
      tf.engine().endScope();
    }
  }
}

/** before + values, into `values`: the rounding of a float32 addition. */
function addTo(values: Float32Array, before: Float32Array): void {
  for (let index = 0; index < values.length; index++) values[index] = at(before, index) + at(values, index);
}
