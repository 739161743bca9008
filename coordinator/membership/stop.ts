import { record } from './describe.ts';
import { fail } from './end.ts';
import type { Event, RunState, Transition } from './model.ts';
import { isOver, keep, openLinks } from './state.ts';

type Of<Kind extends Event['kind']> = Extract<Event, { kind: Kind }>;

/**
 * Asks all workers to end early with everything saved; they agree on the last step among themselves, inside the
 * reduction. Asked again, the run stops at once.
 */
export function onDrain(state: RunState, event: Of<'drainRequested'>, now: number): Transition {
  const { reason, exitCode } = event;
  const { stage } = state;
  const interrupt = (message: string) => fail(state, record('run/interrupted', message), now, exitCode);
  switch (stage.kind) {
    case 'gathering':
      return interrupt(`stopped before training began: ${reason}`);
    case 'recovering':
      return interrupt(`stopped before all workers were back: ${reason}`);
    case 'running':
      return {
        state: { ...state, stage: { kind: 'draining', active: stage.active, drain: { reason, exitCode } } },
        actions: [
          { kind: 'sendDrain', links: openLinks(state), reason },
          { kind: 'report', event: { kind: 'draining', reason } },
        ],
        reason: `draining: ${reason}`,
      };
    case 'finishing':
      if (stage.drain === null) {
        return {
          state: { ...state, stage: { ...stage, drain: { reason, exitCode } } },
          actions: [{ kind: 'report', event: { kind: 'draining', reason } }],
          reason: 'the last step is done and being saved already',
        };
      }
      return interrupt(`stopped at once, before everything was saved: ${reason}`);
    case 'draining':
      return interrupt(`stopped at once, before everything was saved: ${reason}`);
    case 'regrouping':
      if (stage.drain !== null) return interrupt(`stopped at once, before everything was saved: ${reason}`);
      return {
        state: { ...state, stage: { ...stage, drain: { reason, exitCode } } },
        actions: [
          { kind: 'sendDrain', links: openLinks(state), reason },
          { kind: 'report', event: { kind: 'draining', reason } },
        ],
        reason: `draining: ${reason}`,
      };
    case 'investigating':
      // The run is lost already; whoever asks to end it need not wait for the cause.
      return fail(state, stage.failure, now);
    default:
      return keep(state, `drain in stage ${stage.kind}`);
  }
}

export function onStop(state: RunState, event: Of<'stopRequested'>, now: number): Transition {
  if (isOver(state.stage)) return keep(state, 'the run is over already');
  return fail(state, event.error, now, event.exitCode);
}
