import { invariant } from '../../shared/core/index.ts';
import { type MetricDefinition, metricValues } from '../../shared/metrics/index.ts';
import { nameOf, record } from './describe.ts';
import { fail, finish } from './end.ts';
import { addToEpoch, closeEpoch, measureEpoch } from './epochs.ts';
import type { Action, Active, Evaluation, EvaluationShare, Event, RunState, StepReport, Transition } from './model.ts';
import { activeOf, isElastic, keep, survivors, withActive, withWorker } from './state.ts';

type Of<Kind extends Event['kind']> = Extract<Event, { kind: Kind }>;

export function onHeartbeat(state: RunState, { from, beat }: Of<'heartbeat'>, now: number): Transition {
  const worker = state.workers.get(from.link);
  if (worker === undefined) return keep(state, 'heartbeat of a worker that is not in the run');
  return {
    state: withWorker(state, { ...worker, beat, lastHeardMs: now }),
    actions: [{ kind: 'report', event: { kind: 'beat', workerId: worker.hello.workerId, beat } }],
    reason: 'heartbeat',
  };
}

/** Every worker tells its commits, with sums that are the same on all: the first to tell of a step counts. */
export function onStepCommitted(state: RunState, { from, report }: Of<'stepCommitted'>, now: number): Transition {
  const worker = state.workers.get(from.link);
  const active = activeOf(state.stage);
  if (worker === undefined || active === undefined) return keep(state, 'step of a worker that is not training');
  const { step } = report;
  const committedSteps = Math.max(worker.committedSteps, step + 1);
  const heard = withWorker(state, { ...worker, lastHeardMs: now, committedSteps });
  if (!active.members.some(({ link }) => link === from.link)) return keep(heard, 'a step of one that does not train');
  // What a program's own loop does, its rank 0 tells before its first step.
  if (!isElastic(state) && active.members[0]?.link !== from.link) return keep(heard, 'a step, as rank 0 tells it too');
  const ending = active.ending || (report.last && step + 1 < active.totalSteps);
  const told = ending && !active.ending ? askAllToDrain(state) : [];
  if (step < active.committedSteps) return onStepAgain(heard, { ...active, ending }, report, told);
  if (step > active.committedSteps) {
    const message = `${nameOf(worker.hello)} committed step ${step} while step ${active.committedSteps} was due`;
    return fail(heard, record('run/diverged', message, { worker: worker.hello.workerId, step }), now);
  }
  const { samples, lossSum, metricSums } = report;
  const { generation } = active;
  const ended = addToEpoch({ ...active, ending, committedSteps: step + 1, fruitless: 0 }, report);
  return {
    state: withActive(heard, ended.active),
    actions: [
      {
        kind: 'journal',
        record: { kind: 'step', generation, step, samples, lossSum, metricSums, seconds: report.stepSeconds },
      },
      { kind: 'report', event: { kind: 'step', report } },
      ...toldNow(state, ended.actions),
      ...told,
    ],
    reason: `step ${step} is committed`,
  };
}

/**
 * Who told of it first may be lost, and the others do it again; between the two they may have been asked to drain, so that
 * a step that others followed becomes the last one and ends its epoch.
 */
function onStepAgain(state: RunState, active: Active, { step, last }: StepReport, told: readonly Action[]): Transition {
  const reason = `step ${step} was committed before`;
  const isNews = last && step + 1 === active.committedSteps && active.epoch.steps > 0;
  if (!isNews) return { state: withActive(state, active), actions: told, reason };
  const ended = closeEpoch(active, active.epoch, step + 1);
  const actions = [...toldNow(state, ended.actions), ...told];
  return { state: withActive(state, ended.active), actions, reason: `${reason}, and is the last one now` };
}

/** A worker was told to end, and all agreed in a step. If only those that lack it are left, they end after it as well. */
function askAllToDrain(state: RunState): readonly Action[] {
  if (!isElastic(state)) return [];
  const links = survivors(state).map(({ link }) => link);
  return [{ kind: 'sendDrain', links, reason: 'a worker was told to end' }];
}

/** Who is rank 0 in the next generation is told of an epoch's end when that starts, and nobody twice. */
function toldNow({ stage }: RunState, actions: readonly Action[]): readonly Action[] {
  return stage.kind === 'regrouping' ? actions.filter(({ kind }) => kind !== 'sendEpochEnd') : actions;
}

/** Sums wait until every replica has given its share, then are added in replica order, in float64. */
export function onEvaluationShare(state: RunState, { from, share }: Of<'evaluationShare'>, now: number): Transition {
  const worker = state.workers.get(from.link);
  const active = activeOf(state.stage);
  if (worker === undefined || active === undefined) return keep(state, 'evaluation of a worker that is not training');
  const heard = withWorker(state, { ...worker, lastHeardMs: now });
  const member = active.members.find((candidate) => candidate.link === from.link);
  const isHosted = member !== undefined && share.replica >= member.firstReplica && share.replica < member.endReplica;
  if (!isHosted) return keep(heard, `${worker.hello.workerId} doesn't host replica ${share.replica}`);
  const key = `${share.split}@${share.step}`;
  const shares = active.pendingEvaluations.get(key);
  if (active.evaluated.has(key) || shares?.has(share.replica)) return keep(heard, `a second share of ${key}`);

  const pendingEvaluations = new Map(active.pendingEvaluations);
  const all = new Map(shares).set(share.replica, share);
  pendingEvaluations.set(key, all);
  if (all.size < state.config.settings.replicas) {
    return keep(withActive(heard, { ...active, pendingEvaluations }), `${key}: ${all.size} shares`);
  }
  pendingEvaluations.delete(key);
  const evaluation = sumShares([...all.values()], active.facts.metrics);
  const evaluated = new Set(active.evaluated).add(key);
  const ended = measureEpoch({ ...active, pendingEvaluations, evaluated }, evaluation);
  return {
    state: withActive(heard, ended.active),
    actions: [
      { kind: 'journal', record: { kind: 'evaluation', evaluation } },
      { kind: 'report', event: { kind: 'evaluation', evaluation } },
      ...toldNow(state, ended.actions),
    ],
    reason: `${key} is complete`,
  };
}

export function sumShares(shares: readonly EvaluationShare[], metrics: readonly MetricDefinition[]): Evaluation {
  const ordered = [...shares].sort((a, b) => a.replica - b.replica);
  const first = ordered[0];
  invariant(first !== undefined, 'an evaluation has shares');
  let samples = 0;
  let lossSum = 0;
  const metricSums = first.metricSums.map(() => 0);
  for (const share of ordered) {
    samples += share.samples;
    lossSum += share.lossSum;
    for (const [index, sum] of share.metricSums.entries()) metricSums[index] = (metricSums[index] ?? 0) + sum;
  }
  const { split, step } = first;
  return { split, step, samples, loss: lossSum / samples, metrics: metricValues(metrics, metricSums, samples) };
}

export function onFinished(state: RunState, event: Of<'workerFinished'>, now: number): Transition {
  const worker = state.workers.get(event.from.link);
  const { stage } = state;
  if (worker === undefined || worker.finished !== null) return keep(state, 'finished twice, or not in the run');
  const { steps, weightsSha256, checkpoint, resumeFrom = '' } = event;
  const heard = withWorker(state, {
    ...worker,
    lastHeardMs: now,
    finished: { steps, weightsSha256, checkpoint, resumeFrom },
  });
  if (stage.kind !== 'running' && stage.kind !== 'draining' && stage.kind !== 'finishing') {
    return keep(heard, `${nameOf(worker.hello)} finished in stage ${stage.kind}`);
  }
  const drain = stage.kind === 'running' ? null : stage.drain;
  const finishing: RunState = { ...heard, stage: { kind: 'finishing', active: stage.active, drain } };
  const finishedCount = stage.active.members.filter(({ link }) => heard.workers.get(link)?.finished != null).length;
  const reason = `${nameOf(worker.hello)} finished: ${finishedCount} of ${stage.active.members.length}`;
  if (finishedCount < stage.active.members.length) return keep(finishing, reason);
  return finish(finishing, stage.active, drain, now);
}
