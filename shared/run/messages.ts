import type { ErrorRecord } from '../core/index.ts';
import type { MetricDefinition, MetricValue } from '../metrics/index.ts';

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
  /** Samples per step over all replicas. */
  readonly globalBatchSize: number;
  /** Batches that a step of `globalBatchSize` samples is computed in. */
  readonly accumulate: number;
  readonly epochs: number;
  readonly parameters: number;
  /** How values follow from sums of metrics, in the order of those sums. */
  readonly metrics: readonly MetricDefinition[];
  readonly modelName: string;
  /** Whether rank 0 decides before each epoch how training goes on (the job has callbacks); the others wait for it. */
  readonly decidesEpochs: boolean;
  /** Whether rank 0 is told of every epoch's end, whoever decides: it writes checkpoints. */
  readonly wantsEpochEnds?: boolean;
  /** Each worker holds what nobody else has, such as what error feedback keeps back: the run can't go on without one. */
  readonly irreplaceable: boolean;
  /** How steps run where that is not the usual way, and by whose choice; else empty. */
  readonly execution: string;
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
  /** The loss or update was not finite, so the step changed nothing and measured nothing: its samples count 0. */
  readonly skipped: boolean;
  /** The run ends after this step: it was the last one planned, or the workers agreed to drain. */
  readonly last: boolean;
}

/** What an epoch came to, over all replicas. */
export interface EpochEnd {
  /** From 0. */
  readonly epoch: number;
  /** Committed steps of the run at its end. */
  readonly step: number;
  /** In this epoch: fewer than planned where the run ended. */
  readonly steps: number;
  readonly samples: number;
  /** Mean over the epoch's samples, each measured before the update of its step. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** After the epoch's last update; null without validation data. */
  readonly validation: { readonly loss: number; readonly metrics: Readonly<Record<string, MetricValue>> } | null;
  /** Time in steps, without evaluation. */
  readonly seconds: number;
}

/** How all workers go on before an epoch, as rank 0's callbacks decided. */
export interface EpochDecision {
  /** The epoch that is due, from 0; the number of epochs after the last one. */
  readonly epoch: number;
  /** Why training ends here; null to go on. */
  readonly stop: string | null;
  /** From here on, in place of the optimizer's own; null leaves it as it is. */
  readonly learningRate: number | null;
  /** Remember the weights as they are now. */
  readonly keepWeights: boolean;
  /** Go back to the remembered weights. */
  readonly restoreWeights: boolean;
}

/** What a worker has done when it comes out of a generation. */
export interface Standing {
  /** Updates applied. */
  readonly steps: number;
  /** Decisions about epochs followed. */
  readonly decisions: number;
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

/** Over the steps of one epoch. Sums are over samples. */
export interface EpochSums {
  /** From 0. */
  readonly epoch: number;
  readonly steps: number;
  readonly samples: number;
  readonly lossSum: number;
  readonly metricSums: readonly number[];
  readonly seconds: number;
}

/** What a run goes on from that began in other processes; the same on all its workers. */
export interface ResumePoint {
  /** Committed steps. */
  readonly step: number;
  /** Where the checkpoint is, and the SHA-256 of its manifest. */
  readonly place: string;
  readonly sha256: string;
  /** Of the epoch that `step` is in; whole where what comes after an epoch is still to be done. */
  readonly epoch: EpochSums;
  /** The epochs before. */
  readonly history: readonly EpochEnd[];
}

/** What became of a checkpoint. */
export interface CheckpointReport {
  readonly step: number;
  readonly result: 'written' | 'failed' | 'skipped';
  /** Where it is; empty if it was not written. */
  readonly place: string;
  readonly bytes: number;
  /** From the copy in memory to the last byte that was read back. */
  readonly seconds: number;
  /** Time that training stood still for it. */
  readonly pauseSeconds: number;
  readonly error: ErrorRecord | null;
}
