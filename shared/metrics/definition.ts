import type { MetricConfig } from '../job/index.ts';

/** What a metric came to: a number, one for each threshold or class, or a matrix, row by row. */
export type MetricValue = number | readonly number[] | readonly (readonly number[])[];

/**
 * How a metric's value follows from sums over samples. Sums of any parts of the data add up to those of the whole, so
 * workers give sums, and whoever has the whole takes the value.
 */
export type ValueConfig =
  | MetricConfig
  /** A mean over samples: a function of the job's own, or the loss of one output. */
  | { readonly kind: 'mean' };

export interface MetricDefinition {
  /** As reported. */
  readonly name: string;
  readonly config: ValueConfig;
  /** Sums that it takes; the last one is the samples' weights where it is weighted. */
  readonly width: number;
  /** Values that sums are kept of: classes, or numbers of the output. */
  readonly classes: number;
  readonly weighted: boolean;
}
