import { assertNever } from '../../shared/core/index.ts';
import { onEpochDecided } from './epochs.ts';
import { onHello, onLoopPlanned, onReady } from './join.ts';
import { onLinkClosed, onTick, onWorkerFailed } from './lose.ts';
import type { Event, RunState, Transition } from './model.ts';
import { onPeerFault, onStanding } from './regroup.ts';
import { onCheckpointed } from './resume.ts';
import { activeOf, isElastic } from './state.ts';
import { onDrain, onStop } from './stop.ts';
import { onEvaluationShare, onFinished, onHeartbeat, onStepCommitted } from './train.ts';

/**
 * The whole decision of who trains and what counts, without I/O: gathering → running → (draining) → finishing →
 * finished, with regrouping between two generations, and from anywhere → failed, sometimes by way of investigating. `now` is in ms of a clock that never goes
 * back. docs/protocol.md tells the invariants.
 */
export function reduce(state: RunState, event: Event, now: number): Transition {
  const stale = staleness(state, event);
  if (stale !== undefined) return { state, actions: [{ kind: 'countStale' }], reason: stale };
  switch (event.kind) {
    case 'workerHello':
      return onHello(state, event, now);
    case 'workerReady':
      return onReady(state, event, now);
    case 'checkpointed':
      return onCheckpointed(state, event);
    case 'loopPlanned':
      return onLoopPlanned(state, event);
    case 'heartbeat':
      return onHeartbeat(state, event, now);
    case 'stepCommitted':
      return onStepCommitted(state, event, now);
    case 'evaluationShare':
      return onEvaluationShare(state, event, now);
    case 'epochDecided':
      return onEpochDecided(state, event);
    case 'workerFinished':
      return onFinished(state, event, now);
    case 'workerFailed':
      return onWorkerFailed(state, event, now);
    case 'peerFault':
      return isElastic(state)
        ? onPeerFault(state, event, now)
        : onWorkerFailed(state, { ...event, kind: 'workerFailed', step: stepOf(state, event), phase: 'reduce' }, now);
    case 'workerStanding':
      return onStanding(state, event, now);
    case 'linkClosed':
      return onLinkClosed(state, event, now);
    case 'tick':
      return onTick(state, now);
    case 'drainRequested':
      return onDrain(state, event, now);
    case 'stopRequested':
      return onStop(state, event, now);
    default:
      return assertNever(event);
  }
}

function stepOf({ workers }: RunState, { from }: Extract<Event, { kind: 'peerFault' }>): number {
  return workers.get(from.link)?.committedSteps ?? 0;
}

/** The one place where messages of another run or generation are refused. */
function staleness(state: RunState, event: Event): string | undefined {
  if (!('from' in event) || event.kind === 'workerHello') return undefined;
  const { runId, generation } = event.from;
  // A worker that fails before its Welcome arrives doesn't know the run yet.
  if (runId !== state.config.runId && runId !== '') return `${event.kind} of run ${JSON.stringify(runId)}`;
  // What a process says of itself counts whatever generation it believes in; what it did counts in its generation.
  const isAboutWork =
    event.kind === 'stepCommitted' ||
    event.kind === 'evaluationShare' ||
    event.kind === 'epochDecided' ||
    event.kind === 'loopPlanned' ||
    event.kind === 'peerFault' ||
    event.kind === 'workerFinished';
  const current = activeOf(state.stage)?.generation;
  if (!isAboutWork || generation === current) return undefined;
  return `${event.kind} of generation ${generation}, current is ${current ?? 'none'}`;
}
