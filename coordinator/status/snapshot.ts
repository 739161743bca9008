import { scalarsOf } from '../../shared/metrics/index.ts';
import type { RunTally } from '../tally.ts';

/** What /status.json says: everything the live page shows. Times in ms or seconds as named. */
export interface StatusSnapshot {
  readonly runId: string;
  readonly stage: RunTally['stage'];
  readonly error: string | null;
  readonly model: string | null;
  readonly generation: number;
  readonly replicas: number;
  readonly workersWanted: number;
  readonly epoch: number;
  readonly epochs: number;
  readonly stepInEpoch: number;
  readonly stepsPerEpoch: number;
  readonly step: number;
  readonly totalSteps: number;
  readonly samples: number;
  readonly loss: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly samplesPerSecond: number | null;
  readonly etaSeconds: number | null;
  readonly evaluations: readonly {
    readonly split: string;
    readonly step: number;
    readonly loss: number;
    readonly metrics: Readonly<Record<string, number>>;
  }[];
  /** [committed steps, mean loss] */
  readonly lossCurve: readonly (readonly [number, number])[];
  readonly workers: readonly WorkerStatus[];
}

export interface WorkerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly rank: number | null;
  /** First, and the one after the last; null before the first generation. */
  readonly replicas: readonly [number, number] | null;
  readonly phase: string;
  readonly phaseMs: number;
  readonly step: number;
  readonly heartbeatAgeMs: number | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly deviceMemoryBytes: number;
  readonly metricsAddress: string;
}

export function statusSnapshot(
  tally: RunTally,
  run: { readonly runId: string; readonly replicas: number; readonly workers: number },
  now: number,
): StatusSnapshot {
  const { active, epoch } = tally;
  const perEpoch = active?.stepsPerEpoch ?? 0;
  const totalSteps = active?.totalSteps ?? 0;
  return {
    runId: run.runId,
    stage: tally.stage,
    error: tally.error === null ? null : `${tally.error.code}: ${tally.error.message}`,
    model: active?.facts.modelName ?? null,
    generation: active?.generation ?? 0,
    replicas: run.replicas,
    workersWanted: run.workers,
    epoch: epoch?.epoch ?? 0,
    epochs: perEpoch === 0 ? 0 : Math.ceil(totalSteps / perEpoch),
    stepInEpoch: epoch?.steps ?? 0,
    stepsPerEpoch: perEpoch,
    step: tally.committedSteps,
    totalSteps,
    samples: tally.samples,
    loss: epoch?.loss ?? null,
    metrics: scalarsOf(epoch?.metrics ?? {}),
    samplesPerSecond: finiteOrNull(tally.recentSamplesPerSecond),
    etaSeconds: finiteOrNull(tally.etaSeconds),
    evaluations: [...tally.evaluations.values()].map(({ split, step, loss, metrics }) => ({
      split,
      step,
      loss,
      metrics: scalarsOf(metrics),
    })),
    lossCurve: tally.lossCurve,
    workers: workerStatuses(tally, now),
  };
}

function workerStatuses(tally: RunTally, now: number): WorkerStatus[] {
  const members = new Map((tally.active?.members ?? []).map((member) => [member.workerId, member]));
  const all = [...tally.workers.values()].map(({ hello, beat, beatAtMs }): WorkerStatus => {
    const member = members.get(hello.workerId);
    return {
      id: hello.workerId,
      host: hello.host,
      pid: hello.pid,
      rank: member?.rank ?? null,
      replicas: member === undefined ? null : [member.firstReplica, member.endReplica],
      phase: beat?.phase ?? 'starting',
      phaseMs: beat?.phaseMs ?? 0,
      step: beat?.step ?? 0,
      heartbeatAgeMs: beatAtMs === null ? null : Math.round(now - beatAtMs),
      bytesSent: beat?.bytesSent ?? 0,
      bytesReceived: beat?.bytesReceived ?? 0,
      deviceMemoryBytes: beat?.deviceMemoryBytes ?? 0,
      metricsAddress: hello.metricsAddress,
    };
  });
  return all.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
