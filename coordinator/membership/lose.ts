import type { ErrorCode, ErrorRecord } from '../../shared/core/index.ts';
import { connectionLost, heartbeatLost, nameOf, record, whereIs, workerFailure } from './describe.ts';
import { exitWhenAlone, fail } from './end.ts';
import { startFirstGeneration } from './join.ts';
import type { Action, Event, RunState, Stage, Transition, WorkerRecord } from './model.ts';
import { onTickOfRecovering } from './recover.ts';
import { admitSpares, evict, formGeneration, leave } from './regroup.ts';
import { activeOf, isElastic, isOver, keep, openLinks, survivors, withoutWorker, withWorker } from './state.ts';

type Of<Kind extends Event['kind']> = Extract<Event, { kind: Kind }>;

/** Failures that a worker can have only because of another one. */
const consequenceCodes: ReadonlySet<ErrorCode> = new Set([
  'collective/timeout',
  'collective/stale',
  'rpc/connection-lost',
  'rpc/slow-reader',
  'rpc/unreachable',
  'run/worker-lost',
]);

/** Enough to explain a run that never starts. */
const DEPARTED_SHOWN = 5;

export function onLinkClosed(state: RunState, { link, reason }: Of<'linkClosed'>, now: number): Transition {
  const worker = state.workers.get(link);
  if (worker === undefined) return keep(state, 'a connection without a worker closed');
  if (!worker.open) return keep(state, 'a connection closed twice');
  const closed = withWorker(state, { ...worker, open: false });
  if (isOver(state.stage)) return exitWhenAlone(closed, [], `${nameOf(worker.hello)} ended`, now);
  if (worker.finished !== null) return keep(closed, `${nameOf(worker.hello)} ended after it had finished`);
  if (worker.failed !== null) return blameWhenAlone(closed, now);
  return lose(state, worker, connectionLost(worker, reason), now);
}

export function onWorkerFailed(state: RunState, event: Of<'workerFailed'>, now: number): Transition {
  const worker = state.workers.get(event.from.link);
  if (worker === undefined) return keep(state, 'failure of a worker that is not in the run');
  const error = workerFailure(worker, event.error, event.step, event.phase);
  const next = withWorker(state, { ...worker, lastHeardMs: now, failed: error });
  const { stage } = state;
  if (isOver(stage)) return consequence(next, error);
  // Those that train need not suffer from one that can't begin.
  const isMember = activeOf(stage)?.members.some(({ link }) => link === worker.link) ?? true;
  if (isElastic(state) && !isMember) return evict(state, worker.link, error.message, now);
  const isConsequence = consequenceCodes.has(error.code);
  if (stage.kind === 'investigating') {
    return isConsequence ? blameWhenAlone(next, now, error) : fail(next, error, now);
  }
  if (stage.kind === 'gathering' || !isConsequence) return fail(next, error, now);
  const untilMs = now + state.config.heartbeatTimeoutMs;
  const investigating: RunState = {
    ...next,
    stage: { kind: 'investigating', active: stage.active, failure: error, untilMs },
  };
  return blameWhenAlone(investigating, now);
}

/** Nobody is left who could turn out to be the cause: the first failure leads. */
function blameWhenAlone(state: RunState, now: number, other?: ErrorRecord): Transition {
  const { stage, workers } = state;
  const more: Action[] = other === undefined ? [] : [{ kind: 'report', event: { kind: 'consequence', error: other } }];
  if (stage.kind !== 'investigating') return { state, actions: more, reason: 'a failed worker ended' };
  const suspects = [...workers.values()].filter((worker) => worker.failed === null && worker.finished === null);
  if (suspects.length > 0)
    return { state, actions: more, reason: `waiting for the cause of: ${stage.failure.message}` };
  const failed = fail(state, stage.failure, now);
  return { ...failed, actions: [...failed.actions, ...more] };
}

function consequence(state: RunState, error: ErrorRecord): Transition {
  return {
    state,
    actions: [{ kind: 'report', event: { kind: 'consequence', error } }],
    reason: 'a failure after the end',
  };
}

/** The connection may still be open (a stopped process): it is closed, and nothing more of this worker counts. */
function lose(state: RunState, worker: WorkerRecord, error: ErrorRecord, now: number): Transition {
  const without = withoutWorker(state, worker.link);
  const close: Action = { kind: 'closeLink', link: worker.link };
  if (isElastic(state) && activeOf(state.stage) !== undefined) {
    const left = leave(state, worker, error, now);
    return { ...left, actions: [close, ...left.actions] };
  }
  if (state.stage.kind !== 'gathering' || !state.config.refillPlaces) {
    const failed = fail(without, error, now);
    return { ...failed, actions: [close, ...failed.actions] };
  }
  const departed = [...state.stage.departed, error.message].slice(-DEPARTED_SHOWN);
  return {
    state: { ...without, stage: { kind: 'gathering', departed } },
    actions: [close, { kind: 'report', event: { kind: 'left', hello: worker.hello, why: error.message } }],
    reason: `${error.message}; its place is free again`,
  };
}

export function onTick(state: RunState, now: number): Transition {
  const { config, lastTickMs, stage } = state;
  const ticked: RunState = { ...state, lastTickMs: now };
  if (isOver(stage)) return exitWhenAlone(ticked, [], 'tick', now);
  if (now - lastTickMs > config.heartbeatTimeoutMs / 2) {
    // The coordinator itself stood still: heartbeats wait in its socket, and nobody is to blame for their age.
    const workers = new Map([...state.workers].map(([link, worker]) => [link, { ...worker, lastHeardMs: now }]));
    return keep({ ...ticked, workers }, `the coordinator itself was stopped for ${Math.round(now - lastTickMs)} ms`);
  }
  const silent = [...state.workers.values()].find(
    (worker) =>
      worker.open &&
      worker.finished === null &&
      worker.failed === null &&
      now - worker.lastHeardMs >= config.heartbeatTimeoutMs,
  );
  if (silent !== undefined) return lose(ticked, silent, heartbeatLost(silent, now), now);
  if (stage.kind === 'recovering') return onTickOfRecovering(ticked, stage, now);
  if (stage.kind === 'regrouping') return onTickOfRegrouping(ticked, stage, now);
  if (stage.kind === 'running' && isElastic(state)) return admitSpares(ticked, now);
  if (stage.kind === 'investigating' && now >= stage.untilMs) return fail(ticked, stage.failure, now);
  if (stage.kind === 'gathering' && now - state.startedMs >= config.joinTimeoutMs) {
    const first = readyWorkers(state)[0]?.ready;
    const isEnough = readyWorkers(state).length >= config.startWorkers;
    if (isEnough && first != null) return startFirstGeneration(ticked, first, now);
    return fail(ticked, tooFew(state, stage.departed, now), now);
  }
  return keep(ticked, 'tick');
}

/** A worker whose main thread does not come out of its step would hold up all others for ever. */
function onTickOfRegrouping(state: RunState, stage: Extract<Stage, { kind: 'regrouping' }>, now: number): Transition {
  const { stallTimeoutMs } = state.config;
  const stalled = survivors(state).find(({ link }) => !stage.standings.has(link));
  if (stalled === undefined || now - stage.sinceMs < stallTimeoutMs) return formGeneration(state, now, 'tick');
  const why = `it did not come out ${whereIs(stalled)} for ${Math.round(now - stage.sinceMs)} ms`;
  return evict(state, stalled.link, why, now);
}

function readyWorkers({ workers }: RunState): WorkerRecord[] {
  return [...workers.values()].filter((worker) => worker.ready !== null);
}

function tooFew(state: RunState, departed: readonly string[], now: number): ErrorRecord {
  const wanted = state.config.settings.workers;
  const workers = [...state.workers.values()];
  const ready = workers.filter((worker) => worker.ready !== null);
  const heard = [
    ...workers.map((worker) =>
      worker.ready === null
        ? `${nameOf(worker.hello)} joined and is still loading its job since ${Math.round(now - worker.joinedMs)} ms`
        : `${nameOf(worker.hello)} is ready`,
    ),
    ...departed,
    ...(workers.length < wanted ? [`${wanted - workers.length} more never came, or not for long`] : []),
  ];
  return record(
    'run/waiting',
    `${ready.length} of ${wanted} workers were ready after ${Math.round(now - state.startedMs)} ms: ${heard.join('; ')}`,
    { wanted, ready: ready.length, connected: openLinks(state).length },
  );
}
