import type { Wire } from '../core/index.ts';

/** How much is told of a run while it goes on, as Keras's `verbose`. */
export type Verbosity = 'auto' | '0' | '1' | '2';

/** What `lockstep train` or `lockstep coordinator` fixes for all workers of a run. `null` leaves it to the job file. */
export interface RunSettings {
  /** `loop`: the program itself says what its workers do (`connect()`). */
  readonly mode: 'train' | 'evaluate' | 'predict' | 'loop';
  readonly workers: number;
  /** Logical data-parallel lanes; fixed for the run's whole life. */
  readonly replicas: number;
  readonly epochs: number | null;
  readonly maxSteps: number | null;
  /** Samples per microstep over all replicas. */
  readonly globalBatchSize: number | null;
  /** Microsteps of each replica in a step. */
  readonly accumulate: number | null;
  readonly seed: number | null;
  /** Runs each op as it comes instead of compiling the step; slow, but any op works. */
  readonly eager: boolean | null;
  /** What matrix products and convolutions compute in. */
  readonly precision: 'float32' | 'mixed_bfloat16' | null;
  /** What gradients travel and are summed as. */
  readonly wire: Wire | null;
  /** How workers exchange sums; `auto` takes the one that the cost model says is fastest. No bit depends on it. */
  readonly algorithm: 'auto' | 'direct' | 'halving' | 'hierarchical';
  readonly bucketBytes: number;
  readonly segmentBytes: number;
  readonly segmentTimeoutMs: number;
  /** Absent where a run neither writes checkpoints nor begins with one. */
  readonly checkpoint?: CheckpointSettings;
}

/** Where, when and how many checkpoints are written, and what a run begins with. */
export interface CheckpointSettings {
  /** A directory or `s3://BUCKET/PREFIX`; null where none are written. */
  readonly place: string | null;
  readonly every: CheckpointInterval;
  readonly keep: number;
  /** Name of the measured value whose best checkpoint stays. */
  readonly best: string | null;
  /** `auto`, `off`, or the path of a checkpoint or of a place that holds some. */
  readonly resume: string;
}

export interface CheckpointInterval {
  readonly unit: 'steps' | 'epochs' | 'seconds';
  readonly count: number;
}
