import type { Wire } from '../core/index.ts';
import type { Callback } from './callback.ts';
import type { OptimizerConfig } from './optimizer-config.ts';
import type { Losses, LossWeights, Metrics } from './per-output.ts';
import type { TransformDescription } from './transform-description.ts';

/** The shape of data as tfjs sees it, without the batch dimension. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

/**
 * A data set as a plain description that any thread can open (worker/data). Made by the functions of `datasets`;
 * `kind` selects the reader, `options` are its arguments, structured-cloneable.
 */
export interface DatasetDescription {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  /**
   * Directory of its files, or its module's URL, where the job names one. It may differ between hosts, so it is no
   * part of what the data set is, nor of a job's hash.
   */
  readonly location?: string;
  /** Applied in order. */
  readonly transforms: readonly TransformDescription[];
}

/**
 * What matrix products and convolutions compute in. `mixed_bfloat16`, as Keras names it, gives them bfloat16 inputs and
 * leaves everything else, weights first of all, in float32.
 */
export type Precision = 'float32' | 'mixed_bfloat16';

/** What becomes of a step whose loss or update is not finite. */
export type OnNonFinite = 'stop' | 'skip';

/** A job after validation, with every default filled in. `Model` is a tfjs LayersModel; shared/ doesn't import tfjs. */
export interface Job<Model = unknown> {
  /** Builds the model. Random initializers draw from the run's seed, so that every worker builds the same weights. */
  readonly model: () => Model | Promise<Model>;
  readonly optimizer: OptimizerConfig;
  readonly loss: Losses;
  /** Of each output's loss in the sum; null is 1 for each. */
  readonly lossWeights: LossWeights | null;
  /** Every sample counts alike. */
  readonly metrics: Metrics;
  /** Samples count by their weights. */
  readonly weightedMetrics: Metrics;
  readonly data: {
    readonly train: DatasetDescription;
    readonly validation?: DatasetDescription;
    readonly test?: DatasetDescription;
  };
  /** Keras's name: samples per batch over all replicas. */
  readonly batchSize: number;
  /** Batches whose gradients are summed for one update (Keras's `gradient_accumulation_steps`): a step is `batchSize` times this. */
  readonly accumulate: number;
  readonly epochs: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly precision: Precision;
  readonly wire: Wire;
  readonly onNonFinite: OnNonFinite;
  /** Run once per run, in this order. */
  readonly callbacks: readonly Callback[];
  /** False runs each op as it comes instead of compiling the step. */
  readonly compile: boolean;
}
