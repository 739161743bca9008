import type { RunSettings } from '../../shared/config/index.ts';
import { scalarsOf } from '../../shared/metrics/index.ts';
import { type CoordinatorMetrics, observeStep } from '../../shared/telemetry/index.ts';
import type { Beat, Report } from '../membership/index.ts';
import type { RunTally } from '../tally.ts';

/** Brings reports into Prometheus's metrics. Call `observe` after the tally has seen the report. */
export class MetricsObserver {
  readonly #metrics: CoordinatorMetrics;
  readonly #tally: RunTally;
  /** Bytes that each worker had told of, as counters want increments. */
  readonly #bytes = new Map<string, { sent: number; received: number }>();

  constructor(metrics: CoordinatorMetrics, tally: RunTally, run: { version: string; settings: RunSettings }) {
    this.#metrics = metrics;
    this.#tally = tally;
    metrics.buildInfo.set({ version: run.version }, 1);
    metrics.replicas.set(run.settings.replicas);
    for (const result of ['written', 'failed', 'skipped']) metrics.checkpointsTotal.inc({ result }, 0);
  }

  observe(report: Report): void {
    const metrics = this.#metrics;
    const tally = this.#tally;
    switch (report.kind) {
      case 'started':
        metrics.workers.set(report.active.members.length);
        metrics.generation.set(report.active.generation);
        metrics.epoch.set(1);
        break;
      case 'beat':
        this.#observeBeat(report.workerId, report.beat);
        break;
      case 'step':
        observeStep(metrics, report.report, tally.active?.facts.metrics ?? []);
        metrics.epoch.set(tally.epoch?.epoch ?? 1);
        break;
      case 'resumed':
        metrics.step.set(report.resume.step);
        metrics.epoch.set(report.resume.epoch.epoch + 1);
        break;
      case 'checkpointed': {
        const { result, step, seconds, pauseSeconds } = report.report;
        metrics.checkpointsTotal.inc({ result });
        if (result !== 'written') break;
        metrics.checkpointStep.set(step);
        metrics.checkpointSeconds.set(seconds);
        metrics.checkpointPauseSecondsTotal.inc(pauseSeconds);
        break;
      }
      case 'evaluation': {
        const { split, loss, metrics: values } = report.evaluation;
        metrics.evaluationLoss.set({ split }, loss);
        for (const [name, value] of Object.entries(scalarsOf(values))) {
          metrics.evaluationMetric.set({ split, name }, value);
        }
        break;
      }
      case 'finished':
      case 'failed':
        metrics.workers.set(0);
        break;
      default:
        break;
    }
  }

  countStale(): void {
    this.#metrics.staleMessagesTotal.inc();
  }

  #observeBeat(worker: string, beat: Beat): void {
    const before = this.#bytes.get(worker) ?? { sent: 0, received: 0 };
    const now = { sent: beat.bytesSent, received: beat.bytesReceived };
    // A worker that started anew counts from zero again.
    this.#metrics.bytesSentTotal.inc({ worker }, increase(before.sent, now.sent));
    this.#metrics.bytesReceivedTotal.inc({ worker }, increase(before.received, now.received));
    this.#bytes.set(worker, now);
    this.#metrics.deviceMemoryBytes.set({ worker }, beat.deviceMemoryBytes);
    this.#metrics.heartbeatTimestampSeconds.set({ worker }, Date.now() / 1000);
  }
}

function increase(before: number, now: number): number {
  return now >= before ? now - before : now;
}
