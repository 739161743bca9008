import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type MetricDefinition, metricValues, scalarsOf } from '../metrics/index.ts';
import type { StepReport } from '../run/index.ts';

/** Every metric of Lockstep, in one tree per process. Names carry base units, as Prometheus asks for. */
export type { Registry } from 'prom-client';

export const phaseNames = ['data', 'forward_backward', 'reduce', 'apply'] as const;
export type PhaseName = (typeof phaseNames)[number];

/** From a fused step of a small model (1 ms) to a large one over a slow network (60 s). */
const stepBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What a step looks like from any process; the prefix says from which. */
export interface StepMetrics {
  readonly samplesTotal: Counter;
  readonly stepsTotal: Counter;
  readonly skippedStepsTotal: Counter;
  /** Mean loss of the last committed step. */
  readonly loss: Gauge;
  /** Each metric of one number over the last committed step. */
  readonly metric: Gauge<'name'>;
  readonly stepSeconds: Histogram;
  readonly stepPhaseSeconds: Histogram<'phase'>;
  readonly generation: Gauge;
  /** Epoch in progress, from 1. */
  readonly epoch: Gauge;
  /** Committed steps. */
  readonly step: Gauge;
}

export interface CoordinatorMetrics extends StepMetrics {
  readonly buildInfo: Gauge<'version'>;
  readonly workers: Gauge;
  readonly replicas: Gauge;
  readonly bytesSentTotal: Counter<'worker'>;
  readonly bytesReceivedTotal: Counter<'worker'>;
  readonly deviceMemoryBytes: Gauge<'worker'>;
  /** Time of the last heartbeat's arrival, so that its age is `time() - lockstep_heartbeat_timestamp_seconds`. */
  readonly heartbeatTimestampSeconds: Gauge<'worker'>;
  readonly staleMessagesTotal: Counter;
  readonly checkpointsTotal: Counter<'result'>;
  /** Committed steps in the last checkpoint. */
  readonly checkpointStep: Gauge;
  readonly checkpointSeconds: Gauge;
  readonly checkpointPauseSecondsTotal: Counter;
  readonly evaluationLoss: Gauge<'split'>;
  readonly evaluationMetric: Gauge<'split' | 'name'>;
}

export interface WorkerMetrics extends StepMetrics {
  readonly buildInfo: Gauge<'version' | 'engine' | 'engine_version' | 'device_class'>;
  readonly rank: Gauge;
  /** Replicas that this worker hosts. */
  readonly replicas: Gauge;
  readonly bytesSentTotal: Counter;
  readonly bytesReceivedTotal: Counter;
  readonly peerWaitSecondsTotal: Counter<'peer'>;
  readonly deviceMemoryBytes: Gauge;
  readonly modelBytes: Gauge;
}

/** A registry with Node's own process metrics (CPU, memory, event loop) under `prefix`. */
export function createRegistry(options: { readonly processMetricsPrefix?: string } = {}): Registry {
  const registry = new Registry();
  if (options.processMetricsPrefix !== undefined) {
    collectDefaultMetrics({ register: registry, prefix: options.processMetricsPrefix });
  }
  return registry;
}

export function coordinatorMetrics(registry: Registry): CoordinatorMetrics {
  const define = definer(registry, 'lockstep_');
  return {
    ...stepMetrics(registry, 'lockstep_'),
    buildInfo: define.gauge('build_info', 'Constant 1, with the version as a label.', ['version']),
    workers: define.gauge('workers', 'Workers in the current generation.'),
    replicas: define.gauge('replicas', 'Logical data-parallel lanes of the run.'),
    bytesSentTotal: define.counter('bytes_sent_total', 'Bytes that each worker sent to its peers.', ['worker']),
    bytesReceivedTotal: define.counter('bytes_received_total', 'Bytes that each worker received from its peers.', [
      'worker',
    ]),
    deviceMemoryBytes: define.gauge(
      'device_memory_bytes',
      'Memory that the model takes on the device: weights, optimizer slots and the estimated peak of a step’s values.',
      ['worker'],
    ),
    heartbeatTimestampSeconds: define.gauge('heartbeat_timestamp_seconds', 'Unix time of the last heartbeat.', [
      'worker',
    ]),
    staleMessagesTotal: define.counter(
      'stale_messages_total',
      'Messages of another run or generation that were dropped.',
    ),
    checkpointsTotal: define.counter('checkpoints_total', 'Checkpoints: written, failed, or skipped for a newer one.', [
      'result',
    ]),
    checkpointStep: define.gauge('checkpoint_step', 'Committed steps in the last checkpoint.'),
    checkpointSeconds: define.gauge('checkpoint_seconds', 'Time that the last checkpoint took beside the training.'),
    checkpointPauseSecondsTotal: define.counter(
      'checkpoint_pause_seconds_total',
      'Time that training stood still for copies of its state.',
    ),
    evaluationLoss: define.gauge('evaluation_loss', 'Mean loss of the last evaluation.', ['split']),
    evaluationMetric: define.gauge('evaluation_metric', 'A metric of the last evaluation.', ['split', 'name']),
  };
}

export function workerMetrics(registry: Registry): WorkerMetrics {
  const define = definer(registry, 'lockstep_worker_');
  return {
    ...stepMetrics(registry, 'lockstep_worker_'),
    buildInfo: define.gauge('build_info', 'Constant 1, with versions and device as labels.', [
      'version',
      'engine',
      'engine_version',
      'device_class',
    ]),
    rank: define.gauge('rank', 'Index of this worker in the current generation.'),
    replicas: define.gauge('replicas', 'Replicas that this worker hosts.'),
    bytesSentTotal: define.counter('bytes_sent_total', 'Bytes sent to peers.'),
    bytesReceivedTotal: define.counter('bytes_received_total', 'Bytes received from peers.'),
    peerWaitSecondsTotal: define.counter('peer_wait_seconds_total', 'Time spent waiting for the sums of each peer.', [
      'peer',
    ]),
    deviceMemoryBytes: define.gauge(
      'device_memory_bytes',
      'Memory that the model takes on the device: weights, optimizer slots and the estimated peak of a step’s values.',
    ),
    modelBytes: define.gauge('model_bytes', 'Bytes of weights and optimizer slots.'),
  };
}

/** Counts a committed step. `definitions` are of its `metricSums`, in the same order. */
export function observeStep(
  metrics: StepMetrics,
  step: Omit<StepReport, 'last'>,
  definitions: readonly MetricDefinition[],
): void {
  metrics.samplesTotal.inc(step.samples);
  metrics.stepsTotal.inc();
  if (step.skipped) metrics.skippedStepsTotal.inc();
  metrics.step.set(step.step + 1);
  if (step.samples > 0) {
    metrics.loss.set(step.lossSum / step.samples);
    const values = scalarsOf(metricValues(definitions, step.metricSums, step.samples));
    for (const [name, value] of Object.entries(values)) metrics.metric.set({ name }, value);
  }
  metrics.stepSeconds.observe(step.stepSeconds);
  metrics.stepPhaseSeconds.observe({ phase: 'data' }, step.dataSeconds);
  metrics.stepPhaseSeconds.observe({ phase: 'forward_backward' }, step.forwardBackwardSeconds);
  metrics.stepPhaseSeconds.observe({ phase: 'reduce' }, step.reduceSeconds);
  metrics.stepPhaseSeconds.observe({ phase: 'apply' }, step.applySeconds);
}

function stepMetrics(registry: Registry, prefix: string): StepMetrics {
  const define = definer(registry, prefix);
  return {
    samplesTotal: define.counter('samples_total', 'Samples in committed steps, over all replicas.'),
    stepsTotal: define.counter('steps_total', 'Committed steps.'),
    skippedStepsTotal: define.counter('skipped_steps_total', 'Committed steps without an update: not a finite loss.'),
    loss: define.gauge('loss', 'Mean loss of the last committed step.'),
    metric: define.gauge('metric', 'A metric over the last committed step.', ['name']),
    stepSeconds: define.histogram('step_seconds', 'Time of a whole step.'),
    stepPhaseSeconds: define.histogram('step_phase_seconds', 'Time of a step by phase.', ['phase']),
    generation: define.gauge('generation', 'Version of the membership.'),
    epoch: define.gauge('epoch', 'Epoch in progress, from 1.'),
    step: define.gauge('step', 'Steps committed since the start of the run.'),
  };
}

function definer(registry: Registry, prefix: string) {
  const base = { registers: [registry] };
  return {
    counter: <Label extends string = string>(name: string, help: string, labelNames: Label[] = []) =>
      new Counter<Label>({ ...base, name: prefix + name, help, labelNames }),
    gauge: <Label extends string = string>(name: string, help: string, labelNames: Label[] = []) =>
      new Gauge<Label>({ ...base, name: prefix + name, help, labelNames }),
    histogram: <Label extends string = string>(name: string, help: string, labelNames: Label[] = []) =>
      new Histogram<Label>({ ...base, name: prefix + name, help, labelNames, buckets: stepBucketsSeconds }),
  };
}
