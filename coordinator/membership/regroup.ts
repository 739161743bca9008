import type { ErrorRecord } from '../../shared/core/index.ts';
import { nameOf, record } from './describe.ts';
import { fail } from './end.ts';
import type {
  Action,
  Active,
  CatchUp,
  Event,
  Member,
  RunState,
  Stage,
  Standing,
  Transition,
  WorkerRecord,
} from './model.ts';
import { assignReplicas } from './places.ts';
import { activeOf, keep, survivors, withWorker } from './state.ts';

type Of<Kind extends Event['kind']> = Extract<Event, { kind: Kind }>;
type Regrouping = Extract<Stage, { kind: 'regrouping' }>;

/** Changes of the membership in a row, with no step between them, after which who is blamed is put out. */
const FRUITLESS_UNTIL_EVICTION = 3;
/** And after which the run ends: something hurts whoever trains. */
const FRUITLESS_UNTIL_FAILURE = 8;

/**
 * All members come out of their step, so that the next generation can be formed of those that are left and those that
 * wait. The step in flight is computed again; no applied step is.
 * @param loss why, if somebody is lost
 */
export function regroup(state: RunState, why: string, now: number, loss: ErrorRecord | null = null): Transition {
  const { stage } = state;
  const active = activeOf(stage);
  if (active === undefined) return keep(state, why);
  if (stage.kind === 'regrouping') {
    return formGeneration({ ...state, stage: { ...stage, loss: loss ?? stage.loss } }, now, why);
  }
  const generation = active.generation + 1;
  const drain = 'drain' in stage ? stage.drain : null;
  const counted: Active = { ...active, fruitless: active.fruitless + 1 };
  const regrouping: Regrouping = {
    ...{ kind: 'regrouping', active: counted, drain, generation, sinceMs: now, standings: new Map(), loss },
  };
  const next: RunState = { ...state, stage: regrouping };
  const links = survivors(next).map(({ link }) => link);
  const formed = formGeneration(next, now, why);
  return {
    ...formed,
    actions: [
      { kind: 'journal', record: { kind: 'regroup', generation, why } },
      // A loss is told by its own report.
      ...(loss === null ? [{ kind: 'report', event: { kind: 'regrouping', why } } as const] : []),
      { kind: 'sendPause', links, generation },
      ...formed.actions,
    ],
  };
}

export function onStanding(state: RunState, { from, standing }: Of<'workerStanding'>, now: number): Transition {
  const { stage } = state;
  const worker = state.workers.get(from.link);
  // It came out of its step for a coordinator that died before it made the next generation.
  if (worker !== undefined && stage.kind === 'running' && from.generation === stage.active.generation + 1) {
    return regroup(state, `${nameOf(worker.hello)} waits for the next generation`, now);
  }
  if (worker !== undefined && stage.kind === 'recovering') {
    return keep({ ...state, stage: { ...stage, fault: 'workers wait for the next generation' } }, 'out of its step');
  }
  if (worker === undefined || stage.kind !== 'regrouping' || stage.generation !== from.generation) {
    return keep(state, 'a standing that nobody asked for');
  }
  const standings = new Map(stage.standings).set(from.link, standing);
  const heard = withWorker({ ...state, stage: { ...stage, standings } }, { ...worker, lastHeardMs: now });
  return formGeneration(heard, now, `${nameOf(worker.hello)} stands after step ${standing.steps - 1}`);
}

/** A worker's peer is at fault: a new generation shows who is still there, and who is blamed again and again must go. */
export function onPeerFault(state: RunState, { from, error }: Of<'peerFault'>, now: number): Transition {
  const { stage } = state;
  const worker = state.workers.get(from.link);
  if (worker === undefined || stage.kind === 'regrouping') return keep(state, error.message);
  if (stage.kind === 'recovering') return keep({ ...state, stage: { ...stage, fault: error.message } }, error.message);
  const active = activeOf(stage);
  if (active === undefined) return keep(state, error.message);
  const why = `${nameOf(worker.hello)}: ${error.message}`;
  if (active.fruitless >= FRUITLESS_UNTIL_FAILURE) return fail(state, error, now);
  const suspect = active.members.find(({ workerId }) => workerId === error.details['workerId']);
  if (active.fruitless < FRUITLESS_UNTIL_EVICTION || suspect === undefined) return regroup(state, why, now);
  return evict(state, suspect.link, `${active.fruitless} times in a row others could not go on with it: ${why}`, now);
}

/** Puts a connected worker out of the run; it may come again. */
export function evict(state: RunState, link: number, why: string, now: number): Transition {
  const worker = state.workers.get(link);
  if (worker === undefined) return keep(state, why);
  const error = record('run/evicted', `${nameOf(worker.hello)} is put out of the run: ${why}`, {
    worker: worker.hello.workerId,
  });
  const left = leave(state, worker, error, now);
  return { ...left, actions: [{ kind: 'sendStop', links: [link], error }, ...left.actions] };
}

/** A worker that trains, loads or waits is gone; those that are left go on. */
export function leave(state: RunState, worker: WorkerRecord, error: ErrorRecord, now: number): Transition {
  const workers = new Map(state.workers);
  workers.delete(worker.link);
  const { workerId } = worker.hello;
  const before = state.losses.get(workerId);
  const count = before === undefined || now - before.lastMs > FORGIVEN_AFTER_MS ? 1 : before.count + 1;
  const losses = new Map(state.losses).set(workerId, { count, lastMs: now });
  const next: RunState = { ...state, workers, losses };
  const wasMember = activeOf(state.stage)?.members.some(({ link }) => link === worker.link) ?? false;
  const left: Action = { kind: 'report', event: { kind: 'left', hello: worker.hello, why: error.message } };
  const after = wasMember ? regroup(next, error.message, now, error) : keep(next, error.message);
  return { ...after, actions: [left, ...after.actions] };
}

const FORGIVEN_AFTER_MS = 120_000;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;

/** When a worker that comes (again) may train: at once the first time, later and later if it is lost again and again. */
export function admitAt({ losses }: RunState, workerId: string, now: number): number {
  const lost = losses.get(workerId);
  if (lost === undefined || lost.count < 2 || now - lost.lastMs > FORGIVEN_AFTER_MS) return now;
  return now + Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (lost.count - 2));
}

/** Workers that are ready and not in the generation, in the order in which they came. */
export function spares(state: RunState, now: number): WorkerRecord[] {
  const members = new Set(activeOf(state.stage)?.members.map(({ link }) => link));
  return [...state.workers.values()].filter(
    ({ link, open, ready, failed, admitAtMs }) =>
      open && ready !== null && failed === null && !members.has(link) && admitAtMs <= now,
  );
}

/** A place is free and somebody waits for it. */
export function admitSpares(state: RunState, now: number): Transition {
  const { stage, config } = state;
  if (stage.kind !== 'running' || stage.active.members.length >= placesOf(config.settings)) return keep(state, 'full');
  const [first] = spares(state, now);
  if (first === undefined || isEnding(stage.active, null)) return keep(state, 'nobody waits for a place');
  return regroup(state, `${nameOf(first.hello)} joins`, now);
}

/** When all survivors have told where they stand: the next generation, of them and of those that wait. */
export function formGeneration(state: RunState, now: number, reason: string): Transition {
  const { stage, config } = state;
  if (stage.kind !== 'regrouping') return keep(state, reason);
  const { active, standings, drain } = stage;
  const left = survivors(state);
  if (left.length === 0) return fail(state, nobodyLeft(stage), now);
  if (!left.every(({ link }) => standings.has(link))) return keep(state, reason);
  const reached = furthest([...left.flatMap(({ link }) => standings.get(link) ?? [])]);
  // Whoever told of the last step may be gone, and nobody is further behind than by that one; a worker that is has
  // not got the state yet, and those that had it are gone.
  if (reached.steps < active.committedSteps - 1) return fail(state, nobodyLeft(stage), now);
  const isLast = drain !== null || isEnding(active, reached.steps);
  const waiting = isLast ? [] : spares(state, now);
  const chosen = [...left, ...waiting].slice(0, placesOf(config.settings));
  const { minWorkers } = config;
  if (chosen.length >= minWorkers || isLast) return startGeneration(state, stage, chosen, reached, drain, now);
  const waitedMs = now - stage.sinceMs;
  if (waitedMs < config.joinTimeoutMs) {
    return keep(state, `${chosen.length} of at least ${minWorkers} workers are there: waiting for more`);
  }
  const text = `only ${chosen.length} of at least ${minWorkers} workers were there for ${Math.round(waitedMs)} ms`;
  const started = startGeneration(state, stage, chosen, reached, { reason: text, exitCode: 1 }, now);
  const drained: Action[] = [
    { kind: 'sendDrain', links: chosen.map(({ link }) => link), reason: text },
    { kind: 'report', event: { kind: 'draining', reason: text } },
  ];
  return { ...started, actions: [...started.actions, ...drained] };
}

function startGeneration(
  state: RunState,
  { active, standings, generation }: Regrouping,
  chosen: readonly WorkerRecord[],
  reached: Standing,
  drain: Regrouping['drain'],
  now: number,
): Transition {
  const { settings } = state.config;
  const members = assignReplicas(chosen, settings.replicas);
  const next: Active = { ...active, generation, members };
  const workers = new Map(state.workers);
  for (const worker of chosen) workers.set(worker.link, { ...worker, lastHeardMs: now, finished: null });
  const placed = members.map(({ link: _, ...member }) => member);
  const { facts, jobHash } = active;
  const startStep = reached.steps;
  const rankZero = members[0]?.link;
  const end = active.history.at(-1);
  const isDue = facts.decidesEpochs && active.decisions === active.history.length && end !== undefined;
  return {
    state: {
      ...state,
      workers,
      stage: drain === null ? { kind: 'running', active: next } : { kind: 'draining', active: next, drain },
    },
    actions: [
      { kind: 'journal', record: { kind: 'generation', generation, members: placed, startStep, facts, jobHash } },
      {
        kind: 'startGeneration',
        generation,
        members,
        startStep,
        catchUp: catchUp(active, members, standings, reached),
      },
      ...(isDue && rankZero !== undefined ? [{ kind: 'sendEpochEnd', link: rankZero, end } as const] : []),
      { kind: 'report', event: { kind: 'started', active: next } },
    ],
    reason: `generation ${generation}: ${members.length} workers go on with step ${startStep}`,
  };
}

function catchUp(
  active: Active,
  members: readonly Member[],
  standings: ReadonlyMap<number, Standing>,
  reached: Standing,
): CatchUp {
  const ranks = (accept: (standing: Standing | undefined) => boolean): number[] =>
    members.filter(({ link }) => accept(standings.get(link))).map(({ rank }) => rank);
  const { decision, history, evaluated } = active;
  return {
    donors: ranks((standing) => standing?.steps === reached.steps && standing.decisions === reached.decisions),
    behind: ranks((standing) => standing?.steps === reached.steps - 1),
    // The state before the first step and decision is the same on all: it follows from the job.
    fresh:
      reached.steps + reached.decisions === 0
        ? []
        : ranks((standing) => standing === undefined || standing.steps < reached.steps - 1),
    validated: evaluated.has(`validation@${reached.steps}`),
    decision,
    history,
  };
}

/** Applied steps first: a decision follows the step that it comes after. */
function furthest(standings: readonly Standing[]): Standing {
  const steps = Math.max(...standings.map((standing) => standing.steps));
  const decisions = Math.max(...standings.filter((standing) => standing.steps === steps).map((s) => s.decisions));
  return { steps, decisions };
}

/** Nobody needs to join any more. */
function isEnding({ totalSteps, stopped, ending, committedSteps }: Active, steps: number | null): boolean {
  return ending || stopped !== null || (steps ?? committedSteps) >= totalSteps;
}

function placesOf({ workers, replicas }: RunState['config']['settings']): number {
  return Math.min(workers, replicas);
}

/** With the last worker its weights are gone. */
function nobodyLeft({ active, loss }: Regrouping): ErrorRecord {
  const last = loss === null ? '' : `; the last: ${loss.message}`;
  return record(
    'run/worker-lost',
    `no worker is left of those that have the weights after ${active.committedSteps} steps${last}`,
    loss?.details ?? {},
  );
}
