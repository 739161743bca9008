import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Action } from '../../coordinator/membership/index.ts';
import { MembershipRun } from '../support/membership-run.ts';

const starts = (actions: readonly Action[]) => actions.flatMap((a) => (a.kind === 'startGeneration' ? [a] : []));
const pauses = (actions: readonly Action[]) => actions.flatMap((a) => (a.kind === 'sendPause' ? [a] : []));
const places = (start: ReturnType<typeof starts>[0] | undefined) =>
  start?.members.map(({ workerId, firstReplica, endReplica }) => `${workerId}: ${firstReplica}-${endReplica}`);

function training(workers: number, limits = {}): MembershipRun {
  return new MembershipRun({ workers }, true, limits).start();
}

describe('when a worker is lost', () => {
  test('the others come out of their step, and go on with its replicas from where the furthest of them is', () => {
    const run = training(3);
    const [pause] = pauses(run.closed(2));
    assert.deepEqual([pause?.links, pause?.generation], [[1, 3], 2]);
    assert.deepEqual(starts(run.standing(1, 7)), []);
    const [start] = starts(run.standing(3, 6));
    assert.deepEqual(places(start), ['w1: 0-2', 'w3: 2-4']);
    assert.equal(start?.startStep, 7);
    assert.deepEqual([start?.catchUp.donors, start?.catchUp.behind, start?.catchUp.fresh], [[0], [1], []]);
    assert.equal(run.state.stage.kind, 'running');
  });

  test('and another one before they are out, those that are left go on', () => {
    const run = training(3);
    run.closed(2);
    run.standing(1, 7);
    const [start] = starts(run.closed(3));
    assert.deepEqual(places(start), ['w1: 0-4']);
  });

  test('and nobody is left, the run ends with the last loss', () => {
    const run = training(2);
    run.closed(2);
    run.closed(1);
    assert.match(
      run.failure?.message ?? '',
      /^no worker is left of those .* after 0 steps; the last: worker w1 .* connection closed/,
    );
  });

  test('and only one that has not got the state yet is left, the run ends', () => {
    const run = training(2);
    for (let step = 0; step < 5; step++) run.commit(1, step);
    run.closed(2);
    run.standing(1, 5);
    run.hello(3);
    run.ready(3);
    run.standing(1, 5);
    assert.deepEqual(run.all('startGeneration').at(-1)?.catchUp.fresh, [1]);
    run.closed(1);
    run.standing(3, 0);
    assert.match(run.failure?.message ?? '', /^no worker is left of those that have the weights after 5 steps; .*w1/);
  });

  test('one that still waits for the state waits for it in the next generation', () => {
    const run = training(3);
    run.closed(3);
    run.standing(1, 5);
    run.standing(2, 5);
    run.hello(4);
    run.ready(4);
    run.standing(1, 8);
    run.standing(2, 8);
    run.closed(1);
    run.standing(2, 8);
    const [start] = starts(run.standing(4, 0));
    assert.deepEqual([start?.catchUp.donors, start?.catchUp.behind, start?.catchUp.fresh], [[0], [], [1]]);
  });

  test('a stopped process counts as lost after the heartbeat timeout, and its connection is cut', () => {
    const run = training(2);
    run.after(500);
    run.beat(1);
    const actions = run.after(500);
    assert.deepEqual(
      actions.filter(({ kind }) => kind === 'closeLink'),
      [{ kind: 'closeLink', link: 2 }],
    );
    assert.deepEqual(pauses(actions)[0]?.links, [1]);
  });

  test('a step that it told of before its end is not counted twice when the others do it again', () => {
    const run = training(2);
    run.commit(1, 0);
    run.closed(1);
    run.standing(2, 0);
    run.commit(2, 0, false, 2);
    run.commit(2, 1, false, 2);
    assert.deepEqual(
      run.reports('step').map(({ report }) => report.step),
      [0, 1],
    );
  });

  test('a worker that does not come out of its step is put out, and told so', () => {
    const run = training(3);
    run.closed(2);
    run.standing(1, 4);
    for (let second = 0; second < 6; second++) {
      run.beat(1);
      run.beat(3);
      run.after(900);
    }
    const stop = run.all('sendStop')[0];
    assert.deepEqual(stop?.links, [3]);
    assert.match(stop?.error?.message ?? '', /^worker w3 .* is put out of the run: it did not come out/);
    assert.deepEqual(places(run.all('startGeneration').at(-1)), ['w1: 0-4']);
  });
});

describe('fewer workers than the least', () => {
  test('wait for another one', () => {
    const run = training(2, { minWorkers: 2 });
    run.closed(2);
    run.standing(1, 3);
    assert.equal(run.state.stage.kind, 'regrouping');
    run.hello(4);
    const [start] = starts(run.ready(4));
    assert.deepEqual(places(start), ['w1: 0-2', 'w4: 2-4']);
    assert.deepEqual(start?.catchUp.fresh, [1]);
  });

  test('end with everything saved when nobody comes', () => {
    const run = training(2, { minWorkers: 2, joinTimeoutMs: 3000 });
    run.closed(2);
    run.standing(1, 3);
    for (let second = 0; second < 4; second++) {
      run.beat(1);
      run.after(900);
    }
    assert.equal(run.state.stage.kind, 'draining');
    assert.deepEqual(run.all('sendDrain')[0]?.links, [1]);
  });
});

describe('a worker that comes while others train', () => {
  test('joins when a place is free, with the state of all others', () => {
    const run = training(3);
    run.closed(3);
    run.standing(1, 5);
    run.standing(2, 5);
    run.hello(5, {}, 'w3');
    assert.deepEqual(pauses(run.ready(5))[0]?.links, [1, 2]);
    run.standing(1, 8);
    const [start] = starts(run.standing(2, 9));
    assert.deepEqual(places(start), ['w1: 0-2', 'w2: 2-3', 'w3: 3-4']);
    assert.deepEqual([start?.catchUp.donors, start?.catchUp.behind, start?.catchUp.fresh], [[1], [0], [2]]);
    assert.equal(start?.generation, 3);
  });

  test('waits when no place is free, and takes that of the next one that is lost', () => {
    const run = training(2);
    run.hello(3);
    assert.deepEqual(pauses(run.ready(3)), []);
    run.closed(1);
    const [start] = starts(run.standing(2, 5));
    assert.deepEqual(places(start), ['w2: 0-2', 'w3: 2-4']);
  });

  test('gets no decision before it trains', () => {
    const run = training(1);
    run.hello(2);
    run.ready(2);
    const decision = { epoch: 0, stop: null, learningRate: 0.1, keepWeights: false, restoreWeights: false };
    run.give({ kind: 'epochDecided', from: run.from(1), decision });
    assert.deepEqual(run.all('sendDecision')[0]?.links, [1]);
  });

  test('with another job is put out, and the others do not notice', () => {
    const run = training(2);
    run.hello(3);
    const actions = run.ready(3, 'another hash');
    assert.match(run.all('sendStop')[0]?.error?.message ?? '', /another job/);
    assert.deepEqual(pauses(actions), []);
    assert.equal(run.state.stage.kind, 'running');
  });

  test('again and again after short lives waits longer each time', () => {
    const run = training(2);
    const joined: number[] = [];
    for (let life = 1; life <= 4; life++) {
      run.closed(life === 1 ? 2 : 10 + life - 1);
      run.standing(1, life);
      const since = run.now;
      run.hello(10 + life, {}, 'w2');
      run.ready(10 + life);
      while (run.state.stage.kind !== 'regrouping') {
        run.beat(1);
        run.beat(10 + life);
        run.after(100);
      }
      joined.push(run.now - since);
      run.standing(1, life);
    }
    assert.deepEqual(joined, [0, 1000, 2000, 4000]);
  });

  test('at the end of training joins no more', () => {
    const run = training(2);
    for (let step = 0; step < 20; step++) run.commit(1, step);
    run.hello(3);
    run.ready(3);
    run.closed(2);
    const [start] = starts(run.standing(1, 20));
    assert.deepEqual(places(start), ['w1: 0-4']);
  });
});

describe('a peer’s fault', () => {
  test('makes a new generation of the same workers', () => {
    const run = training(2);
    run.peerFault(1, 2);
    run.standing(1, 4);
    const [start] = starts(run.standing(2, 4));
    assert.deepEqual(places(start), ['w1: 0-2', 'w2: 2-4']);
  });

  test('again and again without a step between puts out who is blamed', () => {
    const run = training(3);
    let generation = 1;
    while (run.all('sendStop').length === 0) {
      run.peerFault(1, 2, generation++);
      for (const worker of [1, 2, 3]) run.standing(worker, 4);
      assert.ok(generation < 10);
    }
    assert.deepEqual(run.all('sendStop')[0]?.links, [2]);
    assert.equal(run.state.stage.kind, 'running');
  });

  test('of a generation that is over changes nothing', () => {
    const run = training(2);
    run.peerFault(1, 2);
    for (const worker of [1, 2]) run.standing(worker, 4);
    assert.deepEqual(pauses(run.peerFault(2, 1, 1)), []);
  });
});

test('a drain while workers regroup ends the next generation after its step', () => {
  const run = training(2);
  run.closed(2);
  run.give({ kind: 'drainRequested', reason: 'Ctrl-C', exitCode: 130 });
  run.standing(1, 3);
  assert.equal(run.state.stage.kind, 'draining');
});

describe('an epoch that ends while workers regroup', () => {
  const decision = { epoch: 0, stop: null, learningRate: null, keepWeights: false, restoreWeights: false };

  function tenthStep(limits = {}): MembershipRun {
    const run = new MembershipRun({ workers: 2 }, true, limits);
    for (const worker of [1, 2]) run.hello(worker);
    for (const worker of [1, 2]) run.ready(worker, 'hash', { decidesEpochs: true, validationSamples: 0 });
    run.give({ kind: 'epochDecided', from: run.from(1), decision });
    return run;
  }

  test('is told to rank 0 once, when the next generation starts', () => {
    const run = tenthStep();
    for (let step = 0; step < 9; step++) run.commit(1, step);
    run.peerFault(2, 1);
    run.commit(1, 9);
    assert.deepEqual(run.all('sendEpochEnd'), []);
    for (const worker of [1, 2]) run.standing(worker, 10, 1);
    assert.deepEqual(
      run.all('sendEpochEnd').map(({ link, end }) => [link, end.epoch]),
      [[1, 0]],
    );
  });

  test('ends with a step that was committed before, if the workers that do it again drain after it', () => {
    const run = tenthStep();
    for (let step = 0; step < 4; step++) run.commit(1, step);
    run.closed(1);
    run.give({ kind: 'drainRequested', reason: 'Ctrl-C', exitCode: 130 });
    run.standing(2, 3, 1);
    run.commit(2, 3, true, 2);
    run.commit(2, 3, true, 2);
    assert.deepEqual(
      run.all('sendEpochEnd').map(({ link, end }) => [link, end.steps]),
      [[2, 4]],
    );
    assert.equal(run.reports('step').length, 4);
  });
});

test('after a step that workers agreed to end with nobody joins, and those that do it again end with it too', () => {
  const run = training(2);
  run.commit(1, 0, true);
  assert.deepEqual(run.all('sendDrain')[0]?.links, [1, 2]);
  run.commit(2, 0, true);
  assert.equal(run.all('sendDrain').length, 1);
  run.closed(1);
  run.hello(3);
  run.ready(3);
  const [start] = starts(run.standing(2, 1));
  assert.deepEqual(places(start), ['w2: 0-4']);
});
