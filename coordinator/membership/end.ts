import type { ErrorRecord } from '../../shared/core/index.ts';
import { nameOf, record } from './describe.ts';
import type { Action, Active, Drain, Outcome, RunState, Transition, WorkerRecord } from './model.ts';
import { isOver, openLinks } from './state.ts';

/** Ends the run with `error` for everyone. The coordinator exits when all connections are closed, or after a grace. */
export function fail(state: RunState, error: ErrorRecord, now: number, exitCode = exitCodeOf(error)): Transition {
  const exitByMs = now + state.config.stopGraceMs;
  const stage = { kind: 'failed', error, exitCode, exitByMs, exited: false } as const;
  return exitWhenAlone(
    { ...state, stage },
    [
      { kind: 'journal', record: { kind: 'failed', error } },
      { kind: 'report', event: { kind: 'failed', error } },
      { kind: 'sendStop', links: openLinks(state), error },
    ],
    `the run failed: ${error.message}`,
    now,
  );
}

/** 2 is for bad usage, also where only a worker could find it out. */
function exitCodeOf({ code }: ErrorRecord): number {
  return code.startsWith('config/') || code === 'job/not-found' ? 2 : 1;
}

/** Exit code of a run that ended early and that the same command goes on with. */
const RESUMABLE = 3;

/** All workers are done: the run is complete if they ended with the same weights after the same step. */
export function finish(state: RunState, active: Active, drain: Drain | null, now: number): Transition {
  const ranked = active.members.flatMap(({ link }) => state.workers.get(link) ?? []);
  const difference = differingWeights(ranked);
  if (difference !== undefined) return fail(state, difference, now);
  const first = ranked[0]?.finished;
  const isLoop = state.config.settings.mode === 'loop';
  const steps = first?.steps ?? 0;
  const outcome: Outcome = {
    steps,
    weightsSha256: first?.weightsSha256 ?? '',
    checkpoint: first?.checkpoint ?? '',
    ...(first?.resumeFrom ? { resumeFrom: first.resumeFrom } : {}),
    // How many steps a loop was to do, its program alone knows.
    drained: isLoop ? drain !== null : steps < active.totalSteps && active.stopped === null,
    stopped: active.stopped,
  };
  const earlyCode = outcome.resumeFrom === undefined ? (drain?.exitCode ?? 1) : RESUMABLE;
  const exitCode = outcome.drained ? earlyCode : 0;
  const stage = {
    kind: 'finished',
    outcome,
    exitCode,
    exitByMs: now + state.config.stopGraceMs,
    exited: false,
  } as const;
  return exitWhenAlone(
    { ...state, stage },
    [
      { kind: 'journal', record: { kind: 'finished', outcome } },
      { kind: 'report', event: { kind: 'finished', outcome } },
      { kind: 'sendStop', links: openLinks(state), error: null },
    ],
    `all ${ranked.length} workers finished after step ${steps}`,
    now,
  );
}

function differingWeights(workers: readonly WorkerRecord[]): ErrorRecord | undefined {
  const groups = new Map<string, WorkerRecord[]>();
  for (const worker of workers) {
    const key = `${worker.finished?.weightsSha256.slice(0, 12)}… after ${worker.finished?.steps} steps`;
    groups.set(key, [...(groups.get(key) ?? []), worker]);
  }
  if (groups.size <= 1) return undefined;
  const listed = [...groups].map(([key, members]) => `${members.map(({ hello }) => nameOf(hello)).join(', ')}: ${key}`);
  return record(
    'run/diverged',
    `workers ended with different weights: ${listed.join('; ')}. This is a fault of Lockstep or of a device; do not use the model`,
    {
      groups: Object.fromEntries(
        [...groups].map(([key, members]) => [key, members.map(({ hello }) => hello.workerId)]),
      ),
    },
  );
}

/** After the end: exits once the last connection is closed or the grace is over. */
export function exitWhenAlone(state: RunState, actions: readonly Action[], reason: string, now: number): Transition {
  const { stage } = state;
  if (!isOver(stage) || stage.exited) return { state, actions, reason };
  const isAlone = openLinks(state).length === 0;
  if (!isAlone && now < stage.exitByMs) return { state, actions, reason };
  return {
    state: { ...state, stage: { ...stage, exited: true } },
    actions: [...actions, { kind: 'exit', code: stage.exitCode }],
    reason: isAlone ? reason : `${reason}; not all workers ended within ${state.config.stopGraceMs} ms`,
  };
}
