/** What must be equal on all workers for their bits to be equal. */
export interface Identity {
  readonly lockstepVersion: string;
  readonly engine: string;
  readonly tensorflowVersion: string;
  readonly deviceClass: string;
  readonly threads: number;
  readonly jobFileHash: string;
}

/** What a worker knows of the job once it has loaded it. */
export interface JobFacts {
  readonly trainSamples: number;
  readonly validationSamples: number;
  readonly testSamples: number;
  readonly globalBatchSize: number;
  readonly epochs: number;
  readonly parameters: number;
  readonly metricNames: readonly string[];
  readonly modelName: string;
}

/** What a worker's main thread is doing; in the order of the protocol's Phase. */
export const phases = ['starting', 'data', 'forward-backward', 'reduce', 'apply', 'evaluate', 'save', 'idle'] as const;
export type Phase = (typeof phases)[number];

/** What a committed step did and what it cost. Sums are over all replicas. Times in seconds. */
export interface StepReport {
  /** From 0. */
  readonly step: number;
  readonly samples: number;
  readonly lossSum: number;
  readonly metricSums: readonly number[];
  readonly dataSeconds: number;
  readonly forwardBackwardSeconds: number;
  readonly reduceSeconds: number;
  readonly applySeconds: number;
  readonly stepSeconds: number;
  /** The run ends after this step: it was the last one planned, or the workers agreed to drain. */
  readonly last: boolean;
}

export type Split = 'validation' | 'test';

/** One replica's exact sums over its share of a data set. */
export interface EvaluationShare {
  readonly split: Split;
  /** Committed steps at the time of the evaluation. */
  readonly step: number;
  readonly replica: number;
  readonly samples: number;
  readonly lossSum: number;
  readonly metricSums: readonly number[];
}
