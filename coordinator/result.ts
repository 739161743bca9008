import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RunSettings } from '../shared/config/index.ts';
import { invariant } from '../shared/core/index.ts';
import type { MetricValue } from '../shared/metrics/index.ts';
import type { Evaluation, Split } from './membership/index.ts';
import type { RunTally } from './tally.ts';

/** What `--json` prints as the last line of stdout, and result.json holds. */
export interface RunResult {
  /** Committed steps. */
  readonly steps: number;
  /** Whole epochs. */
  readonly epochs: number;
  /** Committed steps without an update, because their loss or update was not finite (`onNonFinite: 'skip'`). */
  readonly skippedSteps: number;
  /** Training samples in committed steps, without those of skipped ones. */
  readonly samples: number;
  readonly replicas: number;
  readonly workers: number;
  /** Mean over the last epoch, or over what was done of it; null when nothing was trained. */
  readonly loss: number | null;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly validation: EvaluationMeans | null;
  readonly test: EvaluationMeans | null;
  /** Over all weights' float32 bytes in the model's order, hexadecimal. */
  readonly weightsSha256: string;
  /** Training only; null when nothing was trained. */
  readonly samplesPerSecond: number | null;
  /** By all workers to each other, of everything: sums, requests, what measures links; whether over a network or in shared memory. */
  readonly bytesSent: number;
  /** From the first generation's start to the end, with evaluation and saving. */
  readonly seconds: number;
  /** Directory of the saved model, empty when nothing was saved. */
  readonly checkpoint: string;
  /** Checkpoint of the state after the last step; absent without one. */
  readonly resumeFrom?: string;
  /** The run ended early because it was asked to. */
  readonly drained: boolean;
  /** Why a callback ended training before its last epoch; null when none did. */
  readonly stopped: string | null;
  /** The epochs, in order; the last one may have been cut short. */
  readonly history: readonly EpochResult[];
}

export interface EpochResult {
  /** From 1. */
  readonly epoch: number;
  readonly steps: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly validation: EvaluationMeans | null;
  /** Time in steps, without evaluation. */
  readonly seconds: number;
}

/** Metrics are keys beside the loss, as in `{ loss: 0.1, accuracy: 0.97 }`. */
export type EvaluationMeans = { readonly loss: number } & Readonly<Record<string, MetricValue>>;

export function runResult(tally: RunTally, settings: RunSettings): RunResult {
  const { outcome, active, epoch } = tally;
  invariant(outcome !== null && active !== null, 'only a finished run has a result');
  const named = (means: Pick<Evaluation, 'loss' | 'metrics'> | null | undefined): EvaluationMeans | null =>
    means == null ? null : { loss: means.loss, ...means.metrics };
  const evaluation = (split: Split) => named(tally.evaluations.get(split));
  return {
    steps: outcome.steps,
    skippedSteps: tally.skippedSteps,
    epochs: active.stepsPerEpoch === 0 ? 0 : Math.floor(outcome.steps / active.stepsPerEpoch),
    samples: tally.samples,
    replicas: settings.replicas,
    workers: active.members.length,
    loss: epoch?.loss ?? null,
    metrics: epoch?.metrics ?? {},
    validation: evaluation('validation'),
    test: evaluation('test'),
    weightsSha256: outcome.weightsSha256,
    samplesPerSecond: tally.stepSeconds === 0 ? null : tally.samplesPerSecond,
    bytesSent: [...tally.workers.values()].reduce((sum, { beat }) => sum + (beat?.bytesSent ?? 0), 0),
    seconds: ((tally.endedAtMs ?? 0) - (tally.startedAtMs ?? 0)) / 1000,
    checkpoint: outcome.checkpoint,
    ...(outcome.resumeFrom === undefined ? {} : { resumeFrom: outcome.resumeFrom }),
    drained: outcome.drained,
    stopped: outcome.stopped,
    history: tally.history.map(({ epoch, steps, loss, metrics, validation, seconds }) => ({
      ...{ epoch: epoch + 1, steps, loss, metrics },
      ...{ validation: named(validation), seconds },
    })),
  };
}

/** A reader sees the whole file or none. */
export function writeFileAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.draft`;
  const file = openSync(draft, 'w');
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}
