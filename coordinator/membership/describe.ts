import { type ErrorCode, type ErrorRecord, LockstepError } from '../../shared/core/index.ts';
import type { Hello, Phase, WorkerRecord } from './model.ts';

/** `worker w1 (pid 4711 on host-a)` */
export function nameOf(hello: Hello): string {
  return `worker ${hello.workerId} (pid ${hello.pid} on ${hello.host})`;
}

/** Where a worker was when it was last heard of, for a sentence: `in forward-backward of step 12`. Steps count from 0. */
export function whereIs({ beat, committedSteps }: Pick<WorkerRecord, 'beat' | 'committedSteps'>): string {
  if (beat === null || (beat.phase === 'starting' && committedSteps === 0)) return 'while starting';
  // A commit can overtake the heartbeat that would have told the new step's phase.
  if (beat.step < committedSteps) {
    return `in step ${committedSteps}, last heard of ${phaseOfStep(beat.phase, beat.step)}`;
  }
  return phaseOfStep(beat.phase, beat.step);
}

export function phaseOfStep(phase: Phase, step: number): string {
  switch (phase) {
    case 'starting':
      return 'while starting';
    case 'evaluate':
      return `in evaluate after step ${step - 1}`;
    case 'save':
      return `in save after step ${step - 1}`;
    case 'idle':
      return `when idle after step ${step - 1}`;
    default:
      return `in ${phase} of step ${step}`;
  }
}

export function record(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}): ErrorRecord {
  return new LockstepError(code, message, { details }).toRecord();
}

/** What a lost worker was doing, for machines. */
export function lossDetails({ hello, beat, committedSteps }: WorkerRecord): Readonly<Record<string, unknown>> {
  return {
    worker: hello.workerId,
    host: hello.host,
    pid: hello.pid,
    step: Math.max(beat?.step ?? 0, committedSteps),
    phase: beat?.phase ?? 'starting',
  };
}

/** `worker w1 (pid 4711 on host-a) was lost in reduce of step 12: its connection closed` */
export function connectionLost(worker: WorkerRecord, reason: string): ErrorRecord {
  return record(
    'run/worker-lost',
    `${nameOf(worker.hello)} was lost ${whereIs(worker)}: its connection closed${reason === '' ? '' : ` (${reason})`}`,
    lossDetails(worker),
  );
}

/** `… was lost in reduce of step 12: no heartbeat for 5000 ms; last phase reduce since 320 ms` */
export function heartbeatLost(worker: WorkerRecord, now: number): ErrorRecord {
  const silentMs = Math.round(now - worker.lastHeardMs);
  const last =
    worker.beat === null ? 'it never sent one' : `last phase ${worker.beat.phase} since ${worker.beat.phaseMs} ms`;
  return record(
    'run/worker-lost',
    `${nameOf(worker.hello)} was lost ${whereIs(worker)}: no heartbeat for ${silentMs} ms; ${last}`,
    { ...lossDetails(worker), silentMs },
  );
}

/** The worker's own error first, then who and where. */
export function workerFailure(worker: WorkerRecord, error: ErrorRecord, step: number, phase: Phase): ErrorRecord {
  const { workerId, host, pid } = worker.hello;
  return {
    ...error,
    message: `${error.message} (${nameOf(worker.hello).replace(' (', ', ').replace(')', '')}, ${phaseOfStep(phase, step)})`,
    details: { ...error.details, worker: workerId, host, pid, step, phase },
  };
}
