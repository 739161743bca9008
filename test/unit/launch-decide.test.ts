import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decide,
  initialLaunchState,
  type LaunchAction,
  type LaunchEvent,
  type LaunchState,
} from '../../cli/launcher/decide.ts';

const limits = { afterWorkerMs: 7000, afterCoordinatorMs: 3000, terminateMs: 2000 };
const names = ['coordinator', 'w0', 'w1'];

const exited = (name: string, code: number | null, signal: string | null = null): LaunchEvent => ({
  ...{ kind: 'exited', name, code, signal },
});

/** Plays events given as [milliseconds, event]; returns the end and the actions of the last one. */
function play(...events: [number, LaunchEvent][]): { state: LaunchState; actions: readonly LaunchAction[] } {
  let state = initialLaunchState(names, limits);
  let actions: readonly LaunchAction[] = [];
  for (const [now, event] of events) ({ state, actions } = decide(state, event, now));
  return { state, actions };
}

const listening: [number, LaunchEvent] = [0, { kind: 'listening' }];
const signals = (actions: readonly LaunchAction[]) =>
  actions.flatMap((action) => (action.kind === 'signal' ? [`${action.signal} ${action.name}`] : []));
const alarmOf = (actions: readonly LaunchAction[]) => actions.find((action) => action.kind === 'alarm')?.afterMs;

test('workers start once the coordinator listens, and only once', () => {
  assert.deepEqual(play(listening).actions, [{ kind: 'start-workers' }]);
  assert.deepEqual(play(listening, listening).actions, []);
});

test('a worker that ends well while others go on is no reason to act', () => {
  const { state, actions } = play(listening, [10, exited('w0', 0)]);
  assert.equal(state.phase.kind, 'running');
  assert.deepEqual(actions, []);
});

test('when all have ended well the run is a success', () => {
  const { actions } = play(listening, [10, exited('w0', 0)], [11, exited('coordinator', 0)], [12, exited('w1', 0)]);
  assert.deepEqual(actions, [{ kind: 'finish', exitCode: 0 }]);
});

test('a worker that ends before the run does is its first failure, whatever its exit code', () => {
  for (const code of [0, 3]) {
    const { state } = play(listening, [10, exited('w1', code)], [20, exited('w0', 1)], [30, exited('coordinator', 1)]);
    assert.equal(state.firstFailure, 'w1');
    assert.deepEqual(state.phase, { kind: 'ended', exitCode: 1 });
  }
});

test('workers that all end well make no success without the coordinator’s own', () => {
  const { state } = play(
    listening,
    [10, exited('w1', 0)],
    [20, exited('w0', 0)],
    [3020, { kind: 'alarm' }],
    [3100, exited('coordinator', null, 'SIGTERM')],
  );
  assert.equal(state.firstFailure, 'w1');
  assert.deepEqual(state.phase, { kind: 'ended', exitCode: 1 });
});

test('a coordinator that is killed is the failure, also where a worker was done before', () => {
  const { state } = play(
    listening,
    [10, exited('w1', 0)],
    [20, exited('coordinator', null, 'SIGKILL')],
    [30, exited('w0', 1)],
  );
  assert.equal(state.firstFailure, 'coordinator');
});

test('a killed worker is told at once, and the others get the time that the coordinator needs to notice', () => {
  const { state, actions } = play(listening, [100, exited('w1', null, 'SIGKILL')]);
  assert.equal(state.firstFailure, 'w1');
  assert.ok(actions.some((action) => action.kind === 'say' && action.text.includes('w1 was killed by SIGKILL')));
  assert.equal(alarmOf(actions), 7000);
});

test('the coordinator’s end shortens the wait for the others and never lengthens it', () => {
  const failed: [number, LaunchEvent] = [100, exited('w1', 1)];
  assert.equal(alarmOf(play(listening, failed, [200, exited('coordinator', 1)]).actions), 3000);
  assert.equal(alarmOf(play(listening, failed, [6000, exited('coordinator', 1)]).actions), 1100);
});

test('the first failure stays the first, whatever follows', () => {
  const { state } = play(
    listening,
    [1, exited('w1', 1)],
    [2, exited('coordinator', 1)],
    [3, exited('w0', null, 'SIGSEGV')],
  );
  assert.equal(state.firstFailure, 'w1');
  assert.deepEqual(state.phase, { kind: 'ended', exitCode: 1 });
});

test('who does not end in time is terminated, then killed', () => {
  const stuck: [number, LaunchEvent][] = [listening, [0, exited('coordinator', 1)]];
  const early = play(...stuck, [2999, { kind: 'alarm' }]);
  assert.equal(alarmOf(early.actions), 1);
  const late = play(...stuck, [3000, { kind: 'alarm' }]);
  assert.deepEqual(signals(late.actions), ['SIGTERM w0', 'SIGTERM w1']);
  const later = play(
    ...stuck,
    [3000, { kind: 'alarm' }],
    [3100, exited('w0', null, 'SIGTERM')],
    [5000, { kind: 'alarm' }],
  );
  assert.deepEqual(signals(later.actions), ['SIGKILL w1']);
});

test('a coordinator that fails before it listens ends the waiting workers at once', () => {
  const { actions } = play([5, exited('coordinator', 2)]);
  assert.deepEqual(signals(actions), ['SIGTERM w0', 'SIGTERM w1']);
  const end = play(
    [5, exited('coordinator', 2)],
    [6, exited('w0', null, 'SIGTERM')],
    [7, exited('w1', null, 'SIGTERM')],
  );
  assert.deepEqual(end.state.phase, { kind: 'ended', exitCode: 2 });
});

test('the first interrupt goes to the coordinator alone, the second ends all, the third kills', () => {
  const interrupt: LaunchEvent = { kind: 'interrupted' };
  assert.deepEqual(signals(play(listening, [1, interrupt]).actions), ['SIGINT coordinator']);
  assert.deepEqual(signals(play(listening, [1, interrupt], [2, interrupt]).actions), [
    'SIGTERM coordinator',
    'SIGTERM w0',
    'SIGTERM w1',
  ]);
  const third = play(listening, [1, interrupt], [2, interrupt], [3, interrupt]);
  assert.deepEqual(signals(third.actions), ['SIGKILL coordinator', 'SIGKILL w0', 'SIGKILL w1']);
});

test('a drained run that ended well exits with 130, and one that failed with 1', () => {
  const interrupt: [number, LaunchEvent] = [1, { kind: 'interrupted' }];
  const ends = (code: number): [number, LaunchEvent][] => [
    [2, exited('w0', code)],
    [3, exited('w1', 0)],
    [4, exited('coordinator', 130)],
  ];
  assert.deepEqual(play(listening, interrupt, ...ends(0)).state.phase, { kind: 'ended', exitCode: 130 });
  assert.deepEqual(play(listening, interrupt, ...ends(1)).state.phase, { kind: 'ended', exitCode: 1 });
});

test('whatever happens, a child still running always has a deadline, a signal or a live run behind it', () => {
  const event = fc.oneof(
    fc.constant<LaunchEvent>({ kind: 'listening' }),
    fc.constant<LaunchEvent>({ kind: 'interrupted' }),
    fc.record({
      name: fc.constantFrom(...names),
      end: fc.constantFrom<[number | null, string | null]>([0, null], [1, null], [130, null], [null, 'SIGKILL']),
    }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), (events) => {
      let state = initialLaunchState(names, limits);
      let now = 0;
      let alarm: number | null = null;
      const killed = new Set<string>();
      const step = (next: LaunchEvent) => {
        const decision = decide(state, next, now);
        state = decision.state;
        for (const action of decision.actions) {
          if (action.kind === 'alarm') alarm = now + action.afterMs;
          if (action.kind === 'signal' && action.signal === 'SIGKILL') killed.add(action.name);
        }
      };
      const isRunning = (name: string) => state.children.some((child) => child.name === name && child.exit === null);
      for (const next of events) {
        now += 10;
        if ('kind' in next) step(next);
        else if (isRunning(next.name)) step(exited(next.name, ...next.end));
      }
      const anyExit = state.children.some((child) => child.exit !== null);
      const onlyGoodWorkers = state.firstFailure === null && isRunning('coordinator');
      // From here on nobody ends by itself: only alarms arrive.
      for (let i = 0; i < 3 && alarm !== null; i++) {
        now = alarm;
        alarm = null;
        step({ kind: 'alarm' });
      }
      if (!anyExit || state.phase.kind === 'ended' || (onlyGoodWorkers && state.phase.kind === 'running')) return;
      if (onlyGoodWorkers && state.phase.kind === 'starting') return;
      for (const name of names) assert.ok(!isRunning(name) || killed.has(name), `${name} is left behind`);
    }),
  );
});
