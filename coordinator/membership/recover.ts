import { nameOf, record } from './describe.ts';
import { addToEpoch, measureEpoch } from './epochs.ts';
import { beginActive } from './join.ts';
import type {
  Action,
  Active,
  Hello,
  JournalEntry,
  MembershipConfig,
  Report,
  RunState,
  Sender,
  Stage,
  StepReport,
  Transition,
  WorkerRecord,
} from './model.ts';
import { regroup } from './regroup.ts';
import { createRunState, keep, withWorker } from './state.ts';

type Recovering = Extract<Stage, { kind: 'recovering' }>;

export interface Recovered {
  readonly state: RunState;
  /** What those who watch were told before. */
  readonly reports: readonly Report[];
}

/** No connection has this number. */
const NO_LINK = 0;

/** Where the coordinator of an unfinished run was, of what it wrote down; null when there is nothing to go on with. */
export function recoverRun(entries: readonly JournalEntry[], config: MembershipConfig, now: number): Recovered | null {
  if (entries.some(({ kind }) => kind === 'finished' || kind === 'failed')) return null;
  const reports: Report[] = [];
  let active: Active | null = null;
  for (const entry of entries) active = replay(active, entry, config, reports);
  if (active === null) return null;
  const stage: Recovering = { kind: 'recovering', active, untilMs: now + config.returnTimeoutMs, fault: null };
  return { state: { ...createRunState(config, now), stage }, reports };
}

function replay(
  active: Active | null,
  entry: JournalEntry,
  config: MembershipConfig,
  reports: Report[],
): Active | null {
  if (entry.kind === 'generation') {
    const { facts, jobHash, generation, startStep } = entry;
    const members = entry.members.map((member) => ({ ...member, link: NO_LINK }));
    const begun = { ...beginActive(facts, jobHash, members, config.settings), committedSteps: startStep };
    const next = { ...(active ?? begun), generation, members };
    reports.push({ kind: 'started', active: next });
    return next;
  }
  if (active === null) return null;
  switch (entry.kind) {
    case 'step': {
      const report = reportOf(entry);
      reports.push({ kind: 'step', report });
      return addToEpoch({ ...active, committedSteps: entry.step + 1 }, report).active;
    }
    case 'evaluation': {
      const { evaluation } = entry;
      reports.push({ kind: 'evaluation', evaluation });
      const evaluated = new Set(active.evaluated).add(`${evaluation.split}@${evaluation.step}`);
      return measureEpoch({ ...active, evaluated }, evaluation).active;
    }
    case 'epoch':
      reports.push({ kind: 'epoch', end: entry.end });
      return active;
    case 'decision': {
      const { decision } = entry;
      reports.push({ kind: 'decision', decision });
      const stopped = active.stopped ?? decision.stop;
      return { ...active, decisions: active.decisions + 1, decision, stopped };
    }
    default:
      return active;
  }
}

function reportOf({
  step,
  samples,
  lossSum,
  metricSums,
  seconds = 0,
}: Extract<JournalEntry, { kind: 'step' }>): StepReport {
  const times = { dataSeconds: 0, forwardBackwardSeconds: 0, reduceSeconds: 0, applySeconds: 0 };
  return { step, samples, lossSum, metricSums, ...times, stepSeconds: seconds, skipped: false, last: false };
}

/** A worker that trained on. Only a coordinator that was started again takes it back: another one has gone on without it. */
export function onReturn(state: RunState, from: Sender, hello: Hello, now: number): Transition {
  const { stage, config } = state;
  const { rejoin } = hello;
  const isSame = rejoin?.runId === config.runId && 'active' in stage && rejoin.generation <= stage.active.generation;
  const isMember = 'active' in stage && stage.active.members.some(({ workerId }) => workerId === hello.workerId);
  if (stage.kind !== 'recovering' || !isSame || !isMember) {
    const why = `${nameOf(hello)} comes back to a run that went on without it`;
    return {
      state,
      actions: [{ kind: 'sendRefused', link: from.link, error: record('run/evicted', why) }],
      reason: why,
    };
  }
  const { facts, jobHash } = stage.active;
  const worker: WorkerRecord = {
    ...{ hello, link: from.link, open: true, joinedMs: now, admitAtMs: now, lastHeardMs: now },
    ...{ beat: null, committedSteps: 0, ready: { facts, jobHash }, finished: null, failed: null },
  };
  const members = stage.active.members.map((member) =>
    member.workerId === hello.workerId ? { ...member, link: from.link } : member,
  );
  const active = { ...stage.active, members };
  // The coordinator died when it had made a generation, and not told all of it.
  const isBehind = rejoin !== undefined && rejoin.generation < active.generation;
  const fault = isBehind ? `${nameOf(hello)} had not heard of generation ${active.generation}` : stage.fault;
  const back = withWorker({ ...state, stage: { ...stage, active, fault } }, worker);
  const next = goOnWhenComplete(back, now, `${nameOf(hello)} is back`);
  const told: Action[] = [
    { kind: 'sendWelcome', link: from.link },
    { kind: 'report', event: { kind: 'returned', hello } },
  ];
  return { ...next, actions: [...told, ...next.actions] };
}

/** All members are back: what they may not have heard of the last decision is told again. */
function goOnWhenComplete(state: RunState, now: number, reason: string): Transition {
  const { stage } = state;
  if (stage.kind !== 'recovering') return keep(state, reason);
  const { active, fault } = stage;
  if (active.members.some(({ link }) => link === NO_LINK)) return keep(state, reason);
  const running: RunState = { ...state, stage: { kind: 'running', active } };
  if (fault !== null) return regroup(running, fault, now);
  const links = active.members.map(({ link }) => link);
  const { decision, facts, history } = active;
  const [rankZero] = links;
  const end = history.at(-1);
  const isDue = facts.decidesEpochs && active.decisions === history.length && end !== undefined;
  return {
    state: running,
    actions: [
      ...(decision === null ? [] : [{ kind: 'sendDecision', links, decision } as const]),
      ...(isDue && rankZero !== undefined ? [{ kind: 'sendEpochEnd', link: rankZero, end } as const] : []),
      { kind: 'report', event: { kind: 'recovered', active } },
    ],
    reason: `all ${links.length} workers are back`,
  };
}

/** Who has not come back in time is lost. */
export function onTickOfRecovering(state: RunState, stage: Recovering, now: number): Transition {
  if (now < stage.untilMs) return keep(state, 'tick');
  const missing = stage.active.members.filter(({ link }) => link === NO_LINK).map(({ workerId }) => workerId);
  const why = `${missing.join(', ')} did not come back to the coordinator within ${state.config.returnTimeoutMs} ms`;
  const running: RunState = { ...state, stage: { kind: 'running', active: stage.active } };
  return regroup(running, why, now, record('run/worker-lost', why));
}
