import type { RunSettings } from '../../shared/config/index.ts';
import { at, splitEvenly } from '../../shared/core/index.ts';
import { stepsPerEpoch } from '../../shared/sampling/index.ts';
import { nameOf, record } from './describe.ts';
import { fail } from './end.ts';
import { emptyEpoch } from './epochs.ts';
import type { Active, Event, Identity, JobFacts, Member, RunState, Transition, WorkerRecord } from './model.ts';
import { goOnFrom, resumeDifference } from './resume.ts';
import { activeOf, keep, withActive, withWorker } from './state.ts';

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
  if (state.stage.kind !== 'gathering') {
    return refuse(`${nameOf(hello)} came too late: the run started with its ${config.settings.workers} workers`);
  }
  const others = [...workers.values()];
  const sameId = others.find((worker) => worker.hello.workerId === hello.workerId);
  if (sameId !== undefined) {
    return refuse(
      `${nameOf(hello)} has the id of ${nameOf(sameId.hello)}, which is connected; give each worker its own --worker-id`,
    );
  }
  if (workers.size >= config.settings.workers) {
    return refuse(`${nameOf(hello)} is one too many: the run has its ${config.settings.workers} workers`);
  }

  const worker: WorkerRecord = {
    ...{ hello, link: from.link, open: true, joinedMs: now, lastHeardMs: now },
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
    const failed = fail(state, error, now);
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
  if (worker === undefined || state.stage.kind !== 'gathering') return keep(state, 'ready outside of gathering');
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

function indivisibleBatch(globalBatchSize: number, replicas: number) {
  const lower = globalBatchSize - (globalBatchSize % replicas);
  const nearest = lower === 0 ? `${replicas}` : `${lower} or ${lower + replicas}`;
  return record(
    'config/invalid',
    `batchSize ${globalBatchSize} cannot be cut in ${replicas} equal parts, one per replica; ` +
      `use --batch-size ${nearest}, or a --replicas that divides ${globalBatchSize}`,
  );
}

/** Later generations will come from here too, with the workers that are left and the step that they reached. */
function startFirstGeneration(
  state: RunState,
  { facts, jobHash, resume }: NonNullable<WorkerRecord['ready']>,
  now: number,
): Transition {
  const { settings } = state.config;
  const workers = new Map([...state.workers].map(([link, worker]) => [link, { ...worker, lastHeardMs: now }]));
  const members = assignReplicas([...workers.values()], settings.replicas);
  const { perEpoch, total } = stepsOf(facts, settings);
  const begun: Active = {
    generation: 1,
    members,
    facts,
    stepsPerEpoch: perEpoch,
    totalSteps: total,
    committedSteps: 0,
    pendingEvaluations: new Map(),
    evaluated: new Set(),
    epoch: emptyEpoch(0),
    unmeasured: new Map(),
    decisions: 0,
    stopped: null,
  };
  const placed = members.map(({ link: _, ...member }) => member);
  const { active, actions } = resume === undefined ? { active: begun, actions: [] } : goOnFrom(begun, resume);
  const startStep = active.committedSteps;
  return {
    state: { ...state, workers, stage: { kind: 'running', active } },
    actions: [
      { kind: 'journal', record: { kind: 'generation', generation: 1, members: placed, startStep, facts, jobHash } },
      { kind: 'startGeneration', generation: 1, members, startStep },
      { kind: 'report', event: { kind: 'started', active } },
      ...actions,
    ],
    reason: `all ${members.length} workers are ready: generation 1 starts`,
  };
}

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

/**
 * Ranks follow the ids (w2 before w10), so that they don't depend on who came first; but workers of a host are
 * neighbours, behind the first of them, so that they can reduce among themselves before they use the network.
 */
export function assignReplicas(workers: readonly WorkerRecord[], replicas: number): Member[] {
  const byId = new Intl.Collator('en', { numeric: true });
  const inOrder = [...workers].sort((a, b) => byId.compare(a.hello.workerId, b.hello.workerId));
  const hosts = new Set(inOrder.map(({ hello }) => hello.host));
  const sorted = [...hosts].flatMap((host) => inOrder.filter(({ hello }) => hello.host === host));
  const ranges = splitEvenly(replicas, sorted.length);
  return sorted.map(({ hello, link }, rank) => ({
    workerId: hello.workerId,
    rank,
    host: hello.host,
    peerAddress: hello.peerAddress,
    firstReplica: at(ranges, rank).start,
    endReplica: at(ranges, rank).end,
    link,
  }));
}
