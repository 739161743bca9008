import type { MetricDefinition } from '../../shared/metrics/index.ts';
import type { StepReport } from '../../shared/run/index.ts';
import {
  createRegistry,
  observeStep,
  serveTelemetry,
  type TelemetryServer,
  type WorkerMetrics,
  workerMetrics,
} from '../../shared/telemetry/index.ts';
import type { Transport } from '../collective/index.ts';
import type { LinkSettings } from './link-settings.ts';
import type { ProgressBoard } from './progress-board.ts';

/** A worker's own metrics and, where an address is given, the server that Prometheus scrapes. */
export class WorkerTelemetry {
  readonly #metrics: WorkerMetrics;
  readonly #server: TelemetryServer | undefined;
  #definitions: readonly MetricDefinition[] = [];

  private constructor(metrics: WorkerMetrics, server: TelemetryServer | undefined) {
    this.#metrics = metrics;
    this.#server = server;
  }

  /** @throws LockstepError rpc/address-in-use */
  static async start(
    settings: LinkSettings,
    board: ProgressBoard,
    { bytes, waits }: Pick<Transport, 'bytes' | 'waits'>,
  ): Promise<WorkerTelemetry> {
    const registry = createRegistry({ processMetricsPrefix: 'lockstep_worker_' });
    const metrics = workerMetrics(registry);
    const { lockstepVersion, engine, tensorflowVersion, deviceClass } = settings.identity;
    metrics.buildInfo.set(
      { version: lockstepVersion, engine, engine_version: tensorflowVersion, device_class: deviceClass },
      1,
    );
    const waited = new Map<string, number>();
    const counted = { sent: 0, received: 0 };
    const refresh = (): void => {
      const { modelBytes, valueBytes } = board.read();
      metrics.deviceMemoryBytes.set(modelBytes + valueBytes);
      metrics.modelBytes.set(modelBytes);
      metrics.bytesSentTotal.inc(bytes.sent - counted.sent);
      metrics.bytesReceivedTotal.inc(bytes.received - counted.received);
      for (const [peer, seconds] of waits.seconds()) {
        metrics.peerWaitSecondsTotal.inc({ peer }, Math.max(0, seconds - (waited.get(peer) ?? 0)));
        waited.set(peer, seconds);
      }
      counted.sent = bytes.sent;
      counted.received = bytes.received;
    };
    const { metricsListen } = settings;
    const server =
      metricsListen === null
        ? undefined
        : await serveTelemetry({ listen: metricsListen, registry, beforeScrape: refresh });
    return new WorkerTelemetry(metrics, server);
  }

  get address(): string | undefined {
    return this.#server?.address;
  }

  setMetrics(definitions: readonly MetricDefinition[]): void {
    this.#definitions = definitions;
  }

  setGeneration(generation: number, rank: number, replicas: number): void {
    this.#metrics.generation.set(generation);
    this.#metrics.rank.set(rank);
    this.#metrics.replicas.set(replicas);
  }

  observe(report: StepReport): void {
    observeStep(this.#metrics, report, this.#definitions);
  }
}
