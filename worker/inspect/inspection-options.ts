import type { RunSettings } from '../../shared/config/index.ts';

/** What `lockstep profile` and `lockstep doctor job.ts` take: how the job would be trained, by one process here. */
export interface InspectionOptions {
  readonly jobFile: string;
  readonly dataDirectory: string | undefined;
  readonly threads: number;
  readonly batchSize: number | null;
  readonly precision: RunSettings['precision'];
  /** Steps to measure, on the job's training data. */
  readonly steps: number;
  readonly json: boolean;
}

/** A run of one replica, which reduces with nobody. */
export function singleRun({ batchSize, precision }: InspectionOptions): RunSettings {
  return {
    mode: 'train',
    workers: 1,
    replicas: 1,
    epochs: null,
    maxSteps: null,
    globalBatchSize: batchSize,
    // What is looked at is one batch.
    accumulate: 1,
    seed: null,
    eager: false,
    precision,
    // One replica sends to nobody.
    wire: 'float32',
    algorithm: 'auto',
    bucketBytes: 4 * 2 ** 20,
    segmentBytes: 2 ** 20,
    segmentTimeoutMs: 30_000,
  };
}
