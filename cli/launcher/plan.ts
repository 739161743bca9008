import { randomBytes } from 'node:crypto';
import { checkpointSettings, type ResolvedOptions, type RunSettings } from '../../shared/config/index.ts';
import { formatAddress, isLoopback } from '../../shared/core/index.ts';
import type { JobPlace } from '../../shared/job/index.ts';
import type { Network, NetworkNode } from '../network/index.ts';
import { coordinatorName, type LaunchLimits } from './decide.ts';
import type { CoordinatorStart, WorkerStart } from './messages.ts';

/** Everything that is fixed before the first process starts. */
export interface LaunchPlan {
  readonly coordinator: CoordinatorStart;
  /** Where the coordinator runs; this host when not given. */
  readonly hub?: NetworkNode;
  readonly workers: readonly PlannedWorker[];
  readonly limits: LaunchLimits;
  /** Whether a worker that dies is started again: not where the run can't go on without it. */
  readonly restarts: boolean;
}

export interface PlannedWorker {
  readonly name: string;
  /** Variables on top of the launcher's own. TensorFlow takes its devices only from there. */
  readonly env: Readonly<Record<string, string>>;
  /** The coordinator's address is filled in when it is known. */
  readonly start: Omit<WorkerStart, 'coordinator'>;
  /** Where it runs; this host when not given. */
  readonly node?: NetworkNode;
}

export interface PlanInput {
  readonly mode: RunSettings['mode'];
  readonly jobFile: string;
  /** Where in `jobFile` the job is; its default export when not given. */
  readonly jobPlace?: JobPlace | null;
  readonly options:
    | TrainingOptions
    | (ResolvedOptions<'evaluate'> & EvaluationOptions)
    | (ResolvedOptions<'predict'> & PredictionOptions)
    | (ResolvedOptions<'run'> & Omit<EvaluationOptions, 'seed'>);
  /** Saved model to start from. */
  readonly checkpoint: string | null;
  /** Devices that CUDA_VISIBLE_DEVICES may name, empty without GPUs. */
  readonly gpus: readonly string[];
  /** Hosts for the run, with a node for each worker; this one when not given. */
  readonly network?: Network;
}

/** A demo has no checkpoints. */
type TrainingOptions = Omit<ResolvedOptions<'train'>, CheckpointOption> &
  Partial<Pick<ResolvedOptions<'train'>, CheckpointOption>>;
type CheckpointOption = keyof Parameters<typeof checkpointSettings>[0];

/** Options that training has and evaluation doesn't. */
export interface EvaluationOptions {
  readonly epochs: null;
  readonly maxSteps: null;
  readonly accumulate: null;
  readonly seed: null;
  readonly dumpGraph: null;
}

/** Options that training has and prediction doesn't: it exchanges nothing. */
export interface PredictionOptions extends EvaluationOptions {
  readonly replicas: null;
  readonly json: boolean;
  readonly verbose: '0';
  readonly wire: null;
  readonly algorithm: 'auto';
  readonly bucketBytes: number;
  readonly segmentBytes: number;
  readonly segmentTimeoutMs: number;
  readonly sharedMemory: 'off';
}

/** The processes of one run on this machine. */
export function planLaunch({
  mode,
  jobFile,
  jobPlace = null,
  options,
  checkpoint,
  gpus,
  network,
}: PlanInput): LaunchPlan {
  const { workers, engine, threads, out, logLevel, metricsHost, metricsPort } = options;
  // Loopback is shared by all users of a machine: the token keeps their processes out of this run.
  const runToken = randomBytes(16).toString('hex');
  const metricsListen = (offset: number) =>
    metricsPort === null ? null : formatAddress(metricsHost, metricsPort === 0 ? 0 : metricsPort + offset);
  const hub = network?.hub;
  const shared = { out, security: { insecure: hub !== undefined && !isLoopback(hub.address) }, runToken };
  return {
    coordinator: {
      ...shared,
      listen: formatAddress(hub?.address ?? '127.0.0.1', 0),
      logLevel,
      settings: runSettings(mode, options),
      json: options.json,
      verbose: options.verbose,
      metricsListen: metricsListen(0),
      heartbeatIntervalMs: options.heartbeatIntervalMs,
      heartbeatTimeoutMs: options.heartbeatTimeoutMs,
      joinTimeoutMs: options.joinTimeoutMs,
      ...fewestWorkers('minWorkers' in options ? options.minWorkers : null),
      // The launcher starts each worker once.
      refillPlaces: false,
    },
    ...(hub === undefined ? {} : { hub }),
    workers: Array.from({ length: workers }, (_, index) => ({
      ...nodeOf(network, index),
      name: `w${index}`,
      env: environmentFor(gpus[index % gpus.length]),
      start: {
        ...shared,
        jobFile,
        jobPlace,
        workerId: `w${index}`,
        dataDirectory: options.data ?? undefined,
        engine,
        threads,
        checkpoint,
        count: 'count' in options ? options.count : null,
        // All workers have the same one.
        dumpGraph: index === 0 ? options.dumpGraph : null,
        metricsListen: metricsListen(1 + index),
        peerListen: formatAddress(network?.nodes[index]?.address ?? '127.0.0.1', 0),
        sharedMemory: options.sharedMemory,
        advertise: null,
        connectTimeoutMs: options.connectTimeoutMs,
        logLevel,
      },
    })),
    restarts: mode === 'train' || mode === 'evaluate',
    limits: { afterWorkerMs: options.heartbeatTimeoutMs + 2000, afterCoordinatorMs: 2000, terminateMs: 1000 },
  };
}

/** How few workers may begin and go on; all have to be there to begin with, unless fewer are asked for. */
export function fewestWorkers(minWorkers: number | null): {
  minWorkers?: number;
  startWorkers?: number;
} {
  return minWorkers === null ? {} : { minWorkers, startWorkers: minWorkers };
}

function nodeOf(network: Network | undefined, index: number): { node?: NetworkNode } {
  const node = network?.nodes[index];
  return node === undefined ? {} : { node };
}

type SettingsOptions = Omit<ResolvedOptions<'coordinator'>, 'listen' | 'mode'>;

/** What the coordinator fixes for all workers. */
export function runSettings(
  mode: RunSettings['mode'],
  options: Pick<
    SettingsOptions,
    | 'workers'
    | 'replicas'
    | 'epochs'
    | 'maxSteps'
    | 'batchSize'
    | 'accumulate'
    | 'seed'
    | 'eager'
    | 'precision'
    | 'wire'
    | 'algorithm'
    | 'bucketBytes'
    | 'segmentBytes'
    | 'segmentTimeoutMs'
  > &
    Parameters<typeof checkpointSettings>[0],
): RunSettings {
  const checkpoint = mode === 'train' ? checkpointSettings(options) : undefined;
  return {
    mode,
    workers: options.workers,
    replicas: options.replicas ?? options.workers,
    epochs: options.epochs,
    maxSteps: options.maxSteps,
    globalBatchSize: options.batchSize,
    accumulate: options.accumulate,
    seed: options.seed,
    eager: options.eager,
    precision: options.precision,
    wire: options.wire,
    algorithm: options.algorithm,
    bucketBytes: options.bucketBytes,
    segmentBytes: options.segmentBytes,
    segmentTimeoutMs: options.segmentTimeoutMs,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}

/** TensorFlow's addon takes the last GPU that it sees, so each worker gets to see one. */
function environmentFor(gpu: string | undefined): PlannedWorker['env'] {
  return gpu === undefined ? {} : { CUDA_VISIBLE_DEVICES: gpu };
}

export function planNames(plan: LaunchPlan): string[] {
  return [coordinatorName, ...plan.workers.map(({ name }) => name)];
}

/** `CUDA_VISIBLE_DEVICES` as the user set it, or else all GPUs that were found. */
export function usableGpus(visibleDevices: string | undefined, found: readonly { readonly index: number }[]): string[] {
  if (visibleDevices === undefined) return found.map(({ index }) => String(index));
  const listed = visibleDevices.split(',').map((entry) => entry.trim());
  return listed.filter((entry) => entry !== '' && entry !== '-1');
}
