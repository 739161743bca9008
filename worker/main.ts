import { hostname } from 'node:os';
import { LockstepError, makeDirectory, packageVersion } from '../shared/core/index.ts';
import type { JobPlace } from '../shared/job/index.ts';
import type { SecurityOptions } from '../shared/rpc/index.ts';
import { createLog, type LogLevel } from '../shared/telemetry/index.ts';
import { type EngineName, loadEngine } from './engine/index.ts';
import { runLoop } from './loop/index.ts';
import {
  collectGarbageAtOnce,
  hashJobFile,
  Link,
  runPrediction,
  runSession,
  type SessionEnd,
} from './session/index.ts';

export interface WorkerOptions {
  readonly jobFile: string;
  /** Where in `jobFile` the job is; its default export when null. */
  readonly jobPlace: JobPlace | null;
  /** Coordinator's host:port. */
  readonly coordinator: string;
  readonly workerId: string;
  readonly dataDirectory: string | undefined;
  readonly engine: EngineName;
  readonly threads: number;
  readonly out: string;
  /** Directory of a saved model to start from. */
  readonly checkpoint: string | null;
  /** Samples to predict, from the start of the data set; all when null. Of no use in other modes. */
  readonly count: number | null;
  /** File for the compiled graph (session/dump-graph.ts). */
  readonly dumpGraph: string | null;
  readonly metricsListen: string | null;
  readonly peerListen: string;
  /** Host that peers reach this worker under; the host of `peerListen` when null. */
  readonly advertise: string | null;
  /** Whether gradients may go through memory shared with workers on the same host. */
  readonly sharedMemory: 'auto' | 'off';
  readonly connectTimeoutMs: number;
  readonly logLevel: LogLevel;
  readonly security: SecurityOptions;
  readonly runToken: string;
}

/**
 * One worker process: loads the engine, joins the coordinator's run and trains until it ends.
 * @throws LockstepError config/invalid for an `out` that cannot be made, its own failure, or the reason for which the coordinator stopped it
 */
export async function runWorker(options: WorkerOptions): Promise<SessionEnd> {
  collectGarbageAtOnce();
  makeDirectory(options.out, '--out');
  const jobFileHash = await hashJobFile(options.jobFile);
  const engine = await loadEngine(options.engine, { threads: options.threads });
  const { name, version, deviceClass, threads } = engine.info;
  const link = new Link({
    coordinator: options.coordinator,
    workerId: options.workerId,
    host: hostname(),
    identity: {
      lockstepVersion: packageVersion(),
      engine: name,
      tensorflowVersion: version,
      deviceClass,
      threads,
      jobFileHash,
    },
    peerListen: options.peerListen,
    advertise: options.advertise,
    metricsListen: options.metricsListen,
    sharedMemory: options.sharedMemory,
    connectTimeoutMs: options.connectTimeoutMs,
    security: options.security,
    runToken: options.runToken,
  });
  const { jobFile, jobPlace, dataDirectory, out, dumpGraph, count } = options;
  const checkpoint = options.checkpoint ?? undefined;
  const log = createLog({
    component: 'worker',
    worker: options.workerId,
    level: options.logLevel,
    // A launcher puts the worker's name before each line, which is no JSON any more.
    format: process.stderr.isTTY || process.send !== undefined ? 'pretty' : 'json',
  });
  try {
    const { settings } = await link.receive('welcome');
    if (settings.mode === 'loop') {
      await runLoop({ file: jobFile, fileHash: jobFileHash, settings, dataDirectory, out }, link, engine);
    } else if (settings.mode === 'predict') {
      const prediction = { jobFile, jobFileHash, jobPlace, dataDirectory, out, checkpoint, count };
      await runPrediction(prediction, settings, link, engine);
    } else {
      const session = { jobFile, jobFileHash, jobPlace, dataDirectory, out, checkpoint, dumpGraph, log };
      return await runSession(session, settings, link, engine);
    }
    return { endedEarly: false };
  } catch (error) {
    const failure = LockstepError.from(error, 'engine/failed');
    await link.reportFailure(failure);
    throw failure;
  } finally {
    await link.close();
  }
}
