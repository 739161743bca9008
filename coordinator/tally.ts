import type { ErrorRecord } from '../shared/core/index.ts';
import { type MetricValue, metricValues } from '../shared/metrics/index.ts';
import type {
  Active,
  Beat,
  CheckpointReport,
  EpochEnd,
  Evaluation,
  Hello,
  Outcome,
  Report,
  ResumePoint,
  Split,
  StepReport,
} from './membership/index.ts';

/** Mean loss and metrics over the samples of one epoch, or of as much of it as is committed. */
export interface EpochMeans {
  /** From 1. */
  readonly epoch: number;
  readonly steps: number;
  readonly samples: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** Time in steps, without evaluation. */
  readonly seconds: number;
}

export interface WorkerView {
  readonly hello: Hello;
  readonly beat: Beat | null;
  readonly beatAtMs: number | null;
}

interface Sums {
  epoch: number;
  steps: number;
  samples: number;
  lossSum: number;
  metricSums: number[];
  seconds: number;
}

/** Enough for a curve on a page; beyond, every second point is dropped. */
const CURVE_POINTS = 400;
/** Recent steps that the shown rate is over. */
const RATE_STEPS = 32;

/** What a run has done so far, added up from reports; progress line, status page and result all read it. */
export class RunTally {
  active: Active | null = null;
  stage: 'gathering' | 'training' | 'draining' | 'finished' | 'failed' = 'gathering';
  outcome: Outcome | null = null;
  error: ErrorRecord | null = null;
  committedSteps = 0;
  /** Checkpoints by what became of them. */
  readonly checkpoints = { written: 0, failed: 0, skipped: 0 };
  lastCheckpoint: CheckpointReport | null = null;
  samples = 0;
  /** Committed steps without an update, because their loss was not finite. */
  skippedSteps = 0;
  stepSeconds = 0;
  startedAtMs: number | null = null;
  endedAtMs: number | null = null;
  readonly workers = new Map<string, WorkerView>();
  readonly evaluations = new Map<Split, Evaluation>();
  /** Epochs that are over. */
  readonly history: EpochEnd[] = [];
  /** [committed steps, mean loss of the steps since the point before] */
  readonly lossCurve: [number, number][] = [];
  #epoch: Sums | null = null;
  /** In steps of processes before. */
  #samplesBefore = 0;
  #recent: { samples: number; seconds: number }[] = [];
  #stride = 1;
  #point = { samples: 0, lossSum: 0 };

  observe(report: Report, now: number): void {
    switch (report.kind) {
      case 'joined':
        this.workers.set(report.hello.workerId, { hello: report.hello, beat: null, beatAtMs: null });
        break;
      case 'returned':
        this.workers.set(report.hello.workerId, { hello: report.hello, beat: null, beatAtMs: null });
        break;
      case 'left':
        this.workers.delete(report.hello.workerId);
        break;
      case 'started':
        this.active = report.active;
        this.stage = this.stage === 'draining' ? 'draining' : 'training';
        this.startedAtMs ??= now;
        break;
      case 'recovered':
      case 'planned':
        this.active = report.active;
        break;
      case 'resumed':
        this.#goOnFrom(report.resume);
        break;
      case 'checkpointed':
        this.checkpoints[report.report.result]++;
        if (report.report.result === 'written') this.lastCheckpoint = report.report;
        break;
      case 'beat': {
        const worker = this.workers.get(report.workerId);
        if (worker !== undefined) {
          this.workers.set(report.workerId, { hello: worker.hello, beat: report.beat, beatAtMs: now });
        }
        break;
      }
      case 'step':
        this.#addStep(report.report);
        break;
      case 'evaluation':
        this.evaluations.set(report.evaluation.split, report.evaluation);
        break;
      case 'epoch':
        this.history.push(report.end);
        break;
      case 'draining':
        this.stage = 'draining';
        break;
      case 'finished':
        this.stage = 'finished';
        this.outcome = report.outcome;
        this.endedAtMs = now;
        break;
      case 'failed':
        this.stage = 'failed';
        this.error = report.error;
        this.endedAtMs = now;
        break;
      case 'regrouping':
      case 'decision':
      case 'refused':
      case 'consequence':
        break;
      default:
        report satisfies never;
    }
  }

  /** The epoch in progress, or the last one. */
  get epoch(): EpochMeans | null {
    if (this.#epoch === null) return null;
    const { epoch, steps, samples, lossSum, metricSums, seconds } = this.#epoch;
    const metrics = metricValues(this.active?.facts.metrics ?? [], metricSums, samples);
    return { epoch, steps, samples, loss: lossSum / samples, metrics, seconds };
  }

  /** Over the last steps, without evaluation; NaN before the first. */
  get recentSamplesPerSecond(): number {
    let samples = 0;
    let seconds = 0;
    for (const step of this.#recent) {
      samples += step.samples;
      seconds += step.seconds;
    }
    return samples / seconds;
  }

  /** Over all steps of the run, without evaluation; NaN before the first. */
  get samplesPerSecond(): number {
    return (this.samples - this.#samplesBefore) / this.stepSeconds;
  }

  /** Time in the steps that are left, at the recent rate. NaN before the first step. */
  get etaSeconds(): number {
    const left = (this.active?.totalSteps ?? 0) - this.committedSteps;
    const seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    return left * (seconds / this.#recent.length);
  }

  #goOnFrom({ step, epoch, history }: ResumePoint): void {
    this.history.push(...history);
    this.#epoch = epoch.steps === 0 ? null : { ...epoch, epoch: epoch.epoch + 1, metricSums: [...epoch.metricSums] };
    this.committedSteps = step;
    this.samples = history.reduce((sum, end) => sum + end.samples, epoch.samples);
    this.#samplesBefore = this.samples;
  }

  #addStep(report: StepReport): void {
    const { step, samples, lossSum, metricSums, stepSeconds } = report;
    const epoch = Math.floor(step / (this.active?.stepsPerEpoch || Number.POSITIVE_INFINITY)) + 1;
    if (this.#epoch?.epoch !== epoch) {
      this.#epoch = { epoch, steps: 0, samples: 0, lossSum: 0, metricSums: metricSums.map(() => 0), seconds: 0 };
    }
    const sums = this.#epoch;
    sums.steps++;
    sums.samples += samples;
    sums.lossSum += lossSum;
    sums.seconds += stepSeconds;
    for (const [index, sum] of metricSums.entries()) sums.metricSums[index] = (sums.metricSums[index] ?? 0) + sum;
    this.committedSteps = step + 1;
    this.samples += samples;
    if (report.skipped) this.skippedSteps++;
    this.stepSeconds += stepSeconds;
    this.#recent = [...this.#recent, { samples, seconds: stepSeconds }].slice(-RATE_STEPS);
    this.#addPoint(samples, lossSum);
  }

  #addPoint(samples: number, lossSum: number): void {
    this.#point.samples += samples;
    this.#point.lossSum += lossSum;
    if (this.committedSteps % this.#stride !== 0) return;
    if (this.#point.samples === 0) return;
    this.lossCurve.push([this.committedSteps, this.#point.lossSum / this.#point.samples]);
    this.#point = { samples: 0, lossSum: 0 };
    if (this.lossCurve.length < CURVE_POINTS) return;
    const kept = this.lossCurve.filter((_, index) => index % 2 === 1);
    this.lossCurve.splice(0, this.lossCurve.length, ...kept);
    this.#stride *= 2;
  }
}
