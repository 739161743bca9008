import type { ErrorRecord } from '../../shared/core/index.ts';
import { nameOf, record } from './describe.ts';
import { closeEpoch } from './epochs.ts';
import type { Action, Active, Event, ResumePoint, RunState, Transition, WorkerRecord } from './model.ts';
import { keep } from './state.ts';

/** All workers of a run begin with the same state. */
export function resumeDifference(
  worker: WorkerRecord,
  resume: ResumePoint | undefined,
  other: WorkerRecord,
): ErrorRecord | undefined {
  const theirs = other.ready?.resume;
  if (resume?.sha256 === theirs?.sha256) return undefined;
  const text = (point: ResumePoint | undefined): string =>
    point === undefined ? 'begins anew' : `goes on from ${point.place} (sha256 ${point.sha256.slice(0, 12)}…)`;
  return record(
    'job/mismatch',
    `${nameOf(worker.hello)} ${text(resume)}, and ${nameOf(other.hello)} ${text(theirs)}: ` +
      'all workers need to reach the same checkpoints; start the run again',
    { worker: worker.hello.workerId, other: other.hello.workerId, field: 'resume' },
  );
}

/** A first generation that goes on where other processes were. */
export function goOnFrom(active: Active, resume: ResumePoint): { active: Active; actions: readonly Action[] } {
  const { step, place, sha256, epoch } = resume;
  const isWhole = active.stepsPerEpoch > 0 && epoch.steps >= active.stepsPerEpoch;
  const resumed: Active = { ...active, committedSteps: step, epoch, decisions: epoch.epoch };
  const isOver = isWhole || (step >= active.totalSteps && epoch.steps > 0);
  const ended = isOver ? closeEpoch(resumed, epoch, step) : { active: resumed, actions: [] };
  return {
    active: ended.active,
    actions: [
      { kind: 'journal', record: { kind: 'resumed', step, place, sha256 } },
      { kind: 'report', event: { kind: 'resumed', resume } },
      ...ended.actions,
    ],
  };
}

/** For those who watch: no decision hangs on it. */
export function onCheckpointed(state: RunState, { report }: Extract<Event, { kind: 'checkpointed' }>): Transition {
  const { step, place, bytes, result } = report;
  const told = keep(state, `checkpoint of step ${step}: ${result}`);
  const journal: Action[] =
    result === 'written' ? [{ kind: 'journal', record: { kind: 'checkpoint', step, place, bytes } }] : [];
  return { ...told, actions: [...journal, { kind: 'report', event: { kind: 'checkpointed', report } }] };
}
