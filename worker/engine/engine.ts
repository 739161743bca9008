import type {
  Batch,
  Job,
  LossName,
  MetricName,
  OptimizerConfig,
  OwnSampleFunction,
  Precision,
  TensorSpec,
} from '../../shared/job/index.ts';
import type { MetricDefinition } from '../../shared/metrics/index.ts';
import type { Inspection } from './inspection.ts';

export type EngineName = 'tensorflow' | 'cpu';

/** What decides the bits of a result besides the job; compared between workers at join. */
export interface EngineInfo {
  readonly name: EngineName;
  /** TensorFlow's version, or tfjs's for the `cpu` engine. */
  readonly version: string;
  /** For example `cpu-x64` or `cuda-NVIDIA H100`. */
  readonly deviceClass: string;
  /** Threads that one op may use. */
  readonly threads: number;
}

/** A loaded engine: one per process, in the main thread. Makes trainers for models. */
export interface Engine {
  readonly info: EngineInfo;
  /**
   * Builds the model with every random draw taken from `seed` and prepares training on it.
   * @throws LockstepError job/threw, job/invalid, data/shape, engine/unsupported
   */
  createTrainer(options: TrainerOptions): Promise<Trainer>;
  memory(): EngineMemory;
}

export interface EngineMemory {
  /** Tensors alive in the engine. */
  readonly tensors: number;
  /** Bytes that those tensors hold. */
  readonly bytes: number;
}

export interface TrainerOptions {
  readonly buildModel: () => unknown;
  readonly optimizer: OptimizerConfig;
  readonly loss: Job['loss'] | LossName;
  /** Of each output's loss in the sum; 1 each when absent. */
  readonly lossWeights?: Job['lossWeights'];
  readonly metrics: Job['metrics'] | readonly (MetricName | OwnSampleFunction)[];
  readonly weightedMetrics?: Job['weightedMetrics'];
  readonly seed: number;
  /** Inputs and targets that the data set delivers; checked against the model. */
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  /** Gradients are packed in buckets of about this size, last layers first. */
  readonly bucketBytes: number;
  /**
   * Row counts that training batches will have, the full one first (the last batch of an epoch may be shorter). Others
   * work too, but are compiled only when they come.
   */
  readonly rows: readonly number[];
  /** Whether a step is compiled to a TensorFlow graph; only the `tensorflow` engine can. */
  readonly compile: boolean;
  /** Of matrix products and convolutions; float32 when absent. Anything else needs `compile`. */
  readonly precision?: Precision;
  /** What gradients leave and come back as; float32 when absent. `bfloat16` rounds them on the device. */
  readonly wire?: 'float32' | 'bfloat16';
  /**
   * Batch shapes beside `rows` that a compiled trainer keeps compiled, for each of training, evaluation and prediction
   * together; 16 when absent.
   */
  readonly keptShapes?: number;
  /** Told of everything that was compiled. */
  readonly onCompiled?: (report: CompileReport) => void;
  /** Replicas of the run; 1 when absent. A trainer may prepare for it, never depend on it for what it computes. */
  readonly replicas?: number;
  /** Microsteps of a replica in a step; 1 when absent. More than one prepares for `accumulate`. */
  readonly accumulate?: number;
}

export interface TrainerMemory {
  /** Bytes of weights and optimizer slots. */
  readonly modelBytes: number;
  /** Most bytes that the values of one training step hold beside, estimated; 0 where ops run as they come. */
  readonly valueBytes: number;
}

/** A graph that was recorded and loaded, for all of `shapes`. */
export interface CompileReport {
  /** For people, such as `32 rows of [100, 8]`. */
  readonly shapes: readonly string[];
  readonly uses: readonly ('training' | 'evaluation' | 'prediction')[];
  readonly seconds: number;
  /** If it had been compiled before and given up since, for others: how often that has happened so far. Else 0. */
  readonly recompiled: number;
}

/** Lengths, in values, of what one replica contributes to the reduction of a step. */
export interface ContributionLayout {
  readonly gradientBuckets: readonly number[];
  /** Shapes of the weights whose gradients lie behind each other in each bucket. */
  readonly gradientShapes: readonly (readonly (readonly number[])[])[];
  /** What gradients are; statistics are always float32. With `bfloat16` lengths are even. */
  readonly wire: 'float32' | 'bfloat16';
  /** [loss sum, the metrics' sums, non-trainable weights …] */
  readonly statistics: number;
}

/** Gradients of one bucket: floats, or the bits of bfloat16 values, as the layout says. */
export type Gradients = Float32Array | Uint16Array;

/** The sum of contributions over any set of replicas is again a contribution; over all of them it is the step's update. */
export interface Contribution {
  /** ∂(mean loss over the step's real samples)/∂weights, this replica's part. One flat array per bucket. */
  readonly gradients: readonly Gradients[];
  readonly statistics: Float32Array;
}

export interface Microstep {
  readonly step: number;
  readonly replica: number;
  readonly replicas: number;
  /** Real samples in this step over all replicas and microsteps: the denominator of the mean. */
  readonly globalSamples: number;
  /** Which microstep of its replica in this step it is; 0 when absent. */
  readonly microstep?: number;
}

/** Weighted sums over samples, and how many samples they are of. */
export interface EvaluationSums {
  readonly samples: number;
  readonly lossSum: number;
  readonly metricSums: readonly number[];
}

export interface NamedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly trainable: boolean;
  readonly values: Float32Array;
}

/** One of the optimizer's values beside a weight; `name` is the weight's with the slot's, such as `dense/kernel/momentum`. */
export type NamedSlot = Omit<NamedWeight, 'trainable'>;

/** All that a trainer carries from step to step. The learning rate comes from outside, and random numbers from the step. */
export interface TrainerState {
  /** In the model's order. */
  readonly weights: readonly NamedWeight[];
  readonly slots: readonly NamedSlot[];
}

export interface ModelOutput {
  readonly name: string;
  readonly shape: readonly (number | null)[];
}

/** One model in training. Owns every tensor and handle that it makes until `close()`. */
export interface Trainer {
  readonly layout: ContributionLayout;
  readonly parameters: number;
  /** Metric sums in the statistics, after the loss sum. */
  readonly metricWidth: number;
  /** How values follow from those sums, in their order. */
  readonly metrics: readonly MetricDefinition[];
  readonly modelName: string;
  /** What `predict` gives, in order; shapes without the batch dimension, null where the model leaves a size open. */
  readonly outputs: readonly ModelOutput[];
  /** The model's topology as tfjs's `model.toJSON` gives it, for the job hash and for saving. */
  readonly topology: unknown;
  /**
   * Forward and backward pass on a batch that others of the same replica and step follow: what it contributes is kept,
   * and added to what they contribute, in their order. `forwardBackward`, `parts` or `trainWhole` of the last one give
   * the sum. Only trainers made for it (`TrainerOptions.accumulate`) can.
   */
  accumulate(batch: Batch, microstep: Microstep): void;
  /**
   * Forward and backward pass on one replica's batch; no weight changes. The arrays are the caller's.
   * A batch without real rows contributes zeros.
   */
  forwardBackward(batch: Batch, microstep: Microstep): Contribution;
  /**
   * `forwardBackward` part by part: the buckets in order, then the statistics, each as soon as it is complete while
   * the next ones are still to be computed. To be taken to the end.
   */
  parts(batch: Batch, microstep: Microstep): Iterable<Gradients>;
  /** Applies the optimizer to the sum of all replicas' contributions. `step` counts from 0. */
  apply(reduced: Contribution, step: number): void;
  /**
   * `forwardBackward` and `apply` in one, for a step of a single replica: the weights get the same bits, but gradients
   * stay on the device. Gives the statistics. Only trainers that keep their weights on the device have it.
   * @throws LockstepError engine/non-finite, and then no weight has changed
   */
  trainWhole?(batch: Batch, microstep: Microstep): Float32Array;
  /** The batch has as many rows as a full training batch (`TrainerOptions.rows`), the last ones padding if need be; another row count may have to be compiled first. */
  evaluate(batch: Batch): EvaluationSums;
  /** Loss of each real row in inference, with its weight and without regularization, to find out which one is not finite. */
  sampleLosses(batch: Batch): Float32Array;
  /** One array per model output, [realRows, …]; the batch as for `evaluate`. */
  predict(batch: Batch): Float32Array[];
  /** What the model takes on the device now. */
  memory(): TrainerMemory;
  /** A look into the compiled step; absent where ops run as they come. */
  readonly inspection?: Inspection;
  /** From the next step on, in place of the optimizer's own rate or schedule. */
  setLearningRate(rate: number): void;
  /** All weights in the model's order. */
  readWeights(): NamedWeight[];
  /**
   * Sets all weights and forgets what the optimizer gathered. The arrays stay the caller's.
   * @throws LockstepError checkpoint/mismatch when names, order or shapes differ; then nothing has changed
   */
  writeWeights(weights: readonly NamedWeight[]): void;
  /** Weights and slots as they are between two steps. The arrays are the caller's. */
  readState(): TrainerState;
  /**
   * Goes back, or over, to a state: the steps that follow have the same bits as those that followed where it was read.
   * @throws LockstepError checkpoint/mismatch as `writeWeights`, and for other slots; then nothing has changed
   */
  writeState(state: TrainerState): void;
  close(): void;
}
