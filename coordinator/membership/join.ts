import type { RunSettings } from '../../shared/config/index.ts';
import type { ErrorRecord } from '../../shared/core/index.ts';
import { stepsPerEpoch } from '../../shared/sampling/index.ts';
import { nameOf, record } from './describe.ts';
import { fail } from './end.ts';
import { emptyEpoch } from './epochs.ts';
import type {
  Active,
  CatchUp,
  Event,
  Identity,
  JobFacts,
  Member,
  RunState,
  Transition,
  WorkerRecord,
} from './model.ts';
import { assignReplicas } from './places.ts';
import { onReturn } from './recover.ts';
import { admitAt, admitSpares, evict, formGeneration } from './regroup.ts';
import { goOnFrom, resumeDifference } from './resume.ts';
import { activeOf, isElastic, isOver, keep, withActive, withWorker } from './state.ts';

type Of<Kind extends Event['kind']> = Extract<Event, { kind: Kind }>;

/** In the order in which a difference is worth telling: another job explains the rest. */
const identityFields: readonly (readonly [keyof Identity, string])[] = [
  ['lockstepVersion', 'Lockstep version'],
  ['jobFileHash', 'job file hash'],
  ['engine', 'engine'],
  ['tensorflowVersion', 'TensorFlow version'],
  ['deviceClass', 'device class'],
  ['threads', 'threads'],
];

export function onHello(state: RunState, { from, hello }: Of<'workerHello'>, now: number): Transition {
  const { workers, config } = state;
  const refuse = (message: string): Transition => {
    const error = record('rpc/refused', message, { worker: hello.workerId });
    return {
      state,
      actions: [
        { kind: 'sendRefused', link: from.link, error },
        { kind: 'report', event: { kind: 'refused', error } },
      ],
      reason: message,
    };
  };
  if (workers.has(from.link)) return keep(state, `${nameOf(hello)} said hello twice`);
  if (isOver(state.stage)) return refuse(`${nameOf(hello)} came too late: the run is over`);
  if (hello.rejoin !== undefined) return onReturn(state, from, hello, now);
  if (state.stage.kind !== 'gathering' && !isElastic(state)) {
    return refuse(`${nameOf(hello)} came too late: the run started with its ${config.settings.workers} workers`);
  }
  const others = [...workers.values()];
  const sameId = others.find((worker) => worker.hello.workerId === hello.workerId);
  if (sameId !== undefined) {
    return refuse(
      `${nameOf(hello)} has the id of ${nameOf(sameId.hello)}, which is connected; give each worker its own --worker-id`,
    );
  }
  if (workers.size >= config.settings.workers && !isElastic(state)) {
    return refuse(`${nameOf(hello)} is one too many: the run has its ${config.settings.workers} workers`);
  }

  const worker: WorkerRecord = {
    ...{ hello, link: from.link, open: true, joinedMs: now, lastHeardMs: now },
    admitAtMs: admitAt(state, hello.workerId, now),
    ...{ beat: null, committedSteps: 0, ready: null, finished: null, failed: null },
  };
  const joined = withWorker(state, worker);
  const first = others[0];
  const difference = first === undefined ? undefined : differingField(first, hello.identity);
  if (first !== undefined && difference !== undefined) {
    const error = record(
      'job/mismatch',
      `${nameOf(hello)} has another ${difference.name} (${difference.theirs}) than ${nameOf(first.hello)} (${difference.ours}); ` +
        'all workers of a run need the same',
      { worker: hello.workerId, other: first.hello.workerId, field: difference.field },
    );
    const failed = state.stage.kind === 'gathering' ? fail(state, error, now) : reportRefused(state, error);
    return { ...failed, actions: [{ kind: 'sendRefused', link: from.link, error }, ...failed.actions] };
  }
  return {
    state: joined,
    actions: [
      { kind: 'sendWelcome', link: from.link },
      {
        kind: 'report',
        event: { kind: 'joined', hello, joined: joined.workers.size, wanted: config.settings.workers },
      },
    ],
    reason: `${nameOf(hello)} joined: ${joined.workers.size} of ${config.settings.workers}`,
  };
}

/** Training goes on without it. */
function reportRefused(state: RunState, error: ErrorRecord): Transition {
  return { state, actions: [{ kind: 'report', event: { kind: 'refused', error } }], reason: error.message };
}

function differingField(first: WorkerRecord, identity: Identity) {
  const ours = first.hello.identity;
  const pair = identityFields.find(([field]) => ours[field] !== identity[field]);
  if (pair === undefined) return undefined;
  const [field, name] = pair;
  return { field, name, ours: shortValue(ours[field]), theirs: shortValue(identity[field]) };
}

/** Hashes are told apart by their first characters. */
function shortValue(value: string | number): string {
  const text = String(value);
  return /^[0-9a-f]{64}$/.test(text) ? `${text.slice(0, 12)}…` : text === '' ? 'none' : text;
}

export function onReady(state: RunState, event: Of<'workerReady'>, now: number): Transition {
  const worker = state.workers.get(event.from.link);
  if (worker === undefined || worker.ready !== null) return keep(state, 'ready twice, or not in the run');
  if (state.stage.kind !== 'gathering') return onLateReady(state, worker, event, now);
  const { jobHash, facts, resume } = event;
  const { replicas } = state.config.settings;
  if (facts.globalBatchSize % replicas !== 0) {
    return fail(state, indivisibleBatch(facts.globalBatchSize, replicas), now);
  }
  const first = [...state.workers.values()].find((other) => other.ready !== null);
  if (first?.ready != null && first.ready.jobHash !== jobHash) {
    const error = record(
      'job/mismatch',
      `${nameOf(worker.hello)} has another job (hash ${shortValue(jobHash)}) than ${nameOf(first.hello)} ` +
        `(hash ${shortValue(first.ready.jobHash)}): model, data, optimizer or settings differ`,
      { worker: worker.hello.workerId, other: first.hello.workerId, field: 'jobHash' },
    );
    return fail(state, error, now);
  }
  const difference = first === undefined ? undefined : resumeDifference(worker, resume, first);
  if (difference !== undefined) return fail(state, difference, now);
  const ready = { jobHash, facts, ...(resume === undefined ? {} : { resume }) };
  const next = withWorker(state, { ...worker, lastHeardMs: now, ready });
  const readyCount = [...next.workers.values()].filter((other) => other.ready !== null).length;
  const wanted = state.config.settings.workers;
  if (readyCount < wanted) return keep(next, `${nameOf(worker.hello)} is ready: ${readyCount} of ${wanted}`);
  return startFirstGeneration(next, ready, now);
}

/** It comes while others train: it waits for a place, or gets one at once. */
function onLateReady(state: RunState, worker: WorkerRecord, { jobHash, facts }: Of<'workerReady'>, now: number) {
  const active = activeOf(state.stage);
  if (active === undefined || !isElastic(state)) return keep(state, 'ready outside of gathering');
  if (jobHash !== active.jobHash) {
    const why = `it has another job (hash ${shortValue(jobHash)}) than the run (hash ${shortValue(active.jobHash)})`;
    return evict(state, worker.link, `${why}: model, data, optimizer or settings differ`, now);
  }
  const ready = withWorker(state, { ...worker, lastHeardMs: now, ready: { jobHash, facts } });
  if (state.stage.kind === 'regrouping') return formGeneration(ready, now, `${nameOf(worker.hello)} is ready`);
  return admitSpares(ready, now);
}

function indivisibleBatch(globalBatchSize: number, replicas: number) {
  const lower = globalBatchSize - (globalBatchSize % replicas);
  const nearest = lower === 0 ? `${replicas}` : `${lower} or ${lower + replicas}`;
  return record(
    'config/invalid',
    `batchSize ${globalBatchSize} cannot be cut in ${replicas} equal parts, one per replica; ` +
      `use --batch-size ${nearest}, or a --replicas that divides ${globalBatchSize}`,
  );
}

/** The first `workers` that are ready; others wait for a place. At the end of the time for joining, those that are there. */
export function startFirstGeneration(
  state: RunState,
  { facts, jobHash, resume }: NonNullable<WorkerRecord['ready']>,
  now: number,
): Transition {
  const { settings } = state.config;
  const workers = new Map([...state.workers].map(([link, worker]) => [link, { ...worker, lastHeardMs: now }]));
  const ready = [...workers.values()].filter((worker) => worker.ready !== null).slice(0, settings.workers);
  const members = assignReplicas(ready, settings.replicas);
  const begun = beginActive(facts, jobHash, members, settings);
  const { active, actions } = resume === undefined ? { active: begun, actions: [] } : goOnFrom(begun, resume);
  const startStep = active.committedSteps;
  const placed = members.map(({ link: _, ...member }) => member);
  return {
    state: { ...state, workers, stage: { kind: 'running', active } },
    actions: [
      { kind: 'journal', record: { kind: 'generation', generation: 1, members: placed, startStep, facts, jobHash } },
      { kind: 'startGeneration', generation: 1, members, startStep, catchUp: nothingYet },
      { kind: 'report', event: { kind: 'started', active } },
      ...actions,
    ],
    reason: `${members.length} workers are ready: generation 1 starts`,
  };
}

/** Nothing done yet. */
export function beginActive(
  facts: JobFacts,
  jobHash: string,
  members: readonly Member[],
  settings: RunSettings,
): Active {
  const { perEpoch, total } = stepsOf(facts, settings);
  return {
    generation: 1,
    jobHash,
    members,
    facts,
    stepsPerEpoch: perEpoch,
    totalSteps: total,
    committedSteps: 0,
    pendingEvaluations: new Map(),
    evaluated: new Set(),
    epoch: emptyEpoch(0),
    unmeasured: new Map(),
    ...{ decisions: 0, decision: null, history: [], fruitless: 0 },
    stopped: null,
    ending: false,
  };
}

const nothingYet: CatchUp = { donors: [], behind: [], fresh: [], validated: false, decision: null, history: [] };

function stepsOf(facts: JobFacts, { mode, maxSteps }: RunSettings): { perEpoch: number; total: number } {
  const perEpoch = facts.trainSamples === 0 ? 0 : stepsPerEpoch({ ...facts, samples: facts.trainSamples });
  const all = mode === 'evaluate' ? 0 : facts.epochs * perEpoch;
  return { perEpoch, total: Math.min(all, maxSteps ?? all) };
}

/** Rank 0 of a loop tells what it does: before its first step, for the figures of progress alone. */
export function onLoopPlanned(state: RunState, { from, facts }: Of<'loopPlanned'>): Transition {
  const active = activeOf(state.stage);
  if (active === undefined || active.members[0]?.link !== from.link) return keep(state, 'a plan not of rank 0');
  if (active.committedSteps > 0) return keep(state, 'a plan after the first step');
  const { perEpoch, total } = stepsOf(facts, state.config.settings);
  const planned = { ...active, facts, stepsPerEpoch: perEpoch, totalSteps: total };
  return {
    state: withActive(state, planned),
    actions: [
      { kind: 'journal', record: { kind: 'planned', facts } },
      { kind: 'report', event: { kind: 'planned', active: planned } },
    ],
    reason: 'the loop told what it does',
  };
}
