import { metricValues } from '../../shared/metrics/index.ts';
import type { Action, Active, EpochSums, Evaluation, Event, RunState, StepReport, Transition } from './model.ts';
import { activeOf, keep, survivors, withActive } from './state.ts';

interface Ended {
  readonly active: Active;
  readonly actions: readonly Action[];
}

/** Nothing summed yet. */
export function emptyEpoch(epoch: number): EpochSums {
  return { epoch, steps: 0, samples: 0, lossSum: 0, metricSums: [], seconds: 0 };
}

/** A committed step joins its epoch; the last one of the epoch, or of the run, ends it. */
export function addToEpoch(active: Active, report: StepReport): Ended {
  const { samples, lossSum, metricSums, stepSeconds } = report;
  const before = active.epoch;
  const epoch: EpochSums = {
    epoch: before.epoch,
    steps: before.steps + 1,
    samples: before.samples + samples,
    lossSum: before.lossSum + lossSum,
    metricSums: metricSums.map((sum, index) => sum + (before.metricSums[index] ?? 0)),
    seconds: before.seconds + stepSeconds,
  };
  const isWhole = active.stepsPerEpoch > 0 && epoch.steps >= active.stepsPerEpoch;
  if (!report.last && !isWhole) return { active: { ...active, epoch }, actions: [] };
  return closeEpoch(active, epoch, report.step + 1);
}

/** The epoch is over, after `step` steps of the run; with validation data it waits for that. */
export function closeEpoch(active: Active, epoch: EpochSums, step: number): Ended {
  const next = { ...active, epoch: emptyEpoch(epoch.epoch + 1) };
  if (active.facts.validationSamples === 0) return endEpoch(next, epoch, step, null);
  return { active: { ...next, unmeasured: new Map(active.unmeasured).set(step, epoch) }, actions: [] };
}

/** The validation of an epoch is complete: steps of the next epoch may have come before it. */
export function measureEpoch(active: Active, validation: Evaluation): Ended {
  const epoch = active.unmeasured.get(validation.step);
  if (validation.split !== 'validation' || epoch === undefined) return { active, actions: [] };
  const unmeasured = new Map(active.unmeasured);
  unmeasured.delete(validation.step);
  return endEpoch({ ...active, unmeasured }, epoch, validation.step, validation);
}

function isTold({ facts }: Active): boolean {
  return facts.decidesEpochs || facts.wantsEpochEnds === true;
}

function endEpoch(active: Active, sums: EpochSums, step: number, validation: Evaluation | null): Ended {
  const { epoch, steps, samples, lossSum, metricSums, seconds } = sums;
  const metrics = metricValues(active.facts.metrics, metricSums, samples);
  const measured = validation === null ? null : { loss: validation.loss, metrics: validation.metrics };
  const end = { epoch, step, steps, samples, loss: lossSum / samples, metrics, validation: measured, seconds };
  const link = active.members[0]?.link;
  const history = isTold(active) ? [...active.history, end] : active.history;
  return {
    active: { ...active, history },
    actions: [
      { kind: 'journal', record: { kind: 'epoch', end } },
      { kind: 'report', event: { kind: 'epoch', end } },
      ...(isTold(active) && link !== undefined ? [{ kind: 'sendEpochEnd', link, end } as const] : []),
    ],
  };
}

/** Rank 0 decided for all: each decision is kept before anyone follows it, and there is one for each epoch. */
export function onEpochDecided(state: RunState, event: Extract<Event, { kind: 'epochDecided' }>): Transition {
  const active = activeOf(state.stage);
  const { decision, from } = event;
  if (active === undefined || active.members[0]?.link !== from.link) return keep(state, 'a decision not of rank 0');
  if (decision.epoch !== active.decisions) {
    return keep(state, `a decision for epoch ${decision.epoch} where one for ${active.decisions} is due`);
  }
  const stopped = active.stopped ?? decision.stop;
  return {
    state: withActive(state, { ...active, decisions: active.decisions + 1, decision, stopped }),
    actions: [
      { kind: 'journal', record: { kind: 'decision', decision } },
      { kind: 'sendDecision', links: survivors(state).map(({ link }) => link), decision },
      { kind: 'report', event: { kind: 'decision', decision } },
    ],
    reason: `epoch ${decision.epoch} is decided on`,
  };
}
