import { at, monotonicClock } from '../../shared/core/index.ts';
import { loopbackSecurity } from '../../shared/rpc/index.ts';
import {
  type Algorithm,
  type Allreduce,
  createAllreduce,
  GrpcTransport,
  type Member,
  type WireFormat,
  type WireValues,
} from '../../worker/collective/index.ts';
import { wildFloats } from './reference-sum.ts';

/** What the parent process tells a worker. */
export interface WorkerTask {
  readonly rank: number;
  readonly members: readonly Member[];
  readonly replicas: number;
  readonly bucketLengths: readonly number[];
  /** float32 when absent. */
  readonly bucketFormats?: readonly WireFormat[];
  /** Above that of the task before. */
  readonly generation: number;
  readonly algorithm: Algorithm;
  readonly segmentBytes: number;
  readonly segmentTimeoutMs: number;
  readonly steps: number;
  /** Stops contributing from this step on, and says so: the parent may kill it. */
  readonly pauseAt?: number;
}

export type WorkerReport =
  | { readonly kind: 'listening'; readonly address: string }
  | { readonly kind: 'paused' }
  | { readonly kind: 'reduced'; readonly step: number; readonly buckets: readonly string[]; readonly rssBytes: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** One replica's bucket: both sides of a test compute it. */
export function contribution(step: number, replica: number, bucket: number, length: number): Float32Array {
  return wildFloats(length, 77, step, replica, bucket);
}

const toHex = (values: WireValues) => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');

let last: Allreduce | undefined;

async function work(transport: GrpcTransport, task: WorkerTask, report: (report: WorkerReport) => void): Promise<void> {
  last?.close();
  const allreduce = createAllreduce({ ...task, runId: 'run', transport, clock: monotonicClock });
  last = allreduce;
  const { start, end } = at(task.members, task.rank).replicas;
  for (let step = 0; step < task.steps; step++) {
    if (step === task.pauseAt) {
      report({ kind: 'paused' });
      return;
    }
    for (let replica = start; replica < end; replica++) {
      for (const [bucket, length] of task.bucketLengths.entries()) {
        allreduce.contribute(step, replica, bucket, contribution(step, replica, bucket, length));
      }
    }
    const buckets = (await allreduce.result(step)).map(toHex);
    report({ kind: 'reduced', step, buckets, rssBytes: process.memoryUsage().rss });
  }
}

if (process.send !== undefined && process.argv[2] === 'collective-worker') {
  const report = (message: WorkerReport) => process.send?.(message);
  const transport = await GrpcTransport.create({
    workerId: process.argv[3] ?? '',
    listen: '127.0.0.1:0',
    security: loopbackSecurity,
  });
  process.on('message', (task: WorkerTask) => {
    work(transport, task, report).catch((error) =>
      report({ kind: 'failed', code: error.code, message: error.message }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  report({ kind: 'listening', address: transport.address });
}
