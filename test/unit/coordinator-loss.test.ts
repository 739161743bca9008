import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MembershipRun } from '../support/membership-run.ts';

/** A run that can't go on without any of its workers. */
const loop = { mode: 'loop' } as const;

describe('a lost worker', () => {
  test('is named with process, host, phase and step when its connection closes', () => {
    const run = new MembershipRun(loop).start();
    run.beat(2, 'forward-backward', 12);
    run.closed(2);
    assert.equal(
      run.failure?.message,
      'worker w2 (pid 4702 on host-a) was lost in forward-backward of step 12: its connection closed',
    );
    assert.equal(run.failure.code, 'run/worker-lost');
    assert.deepEqual(run.all('sendStop')[0]?.links, [1]);
    run.closed(1);
    assert.equal(run.exitCode, 1);
  });

  test('is named with how long it has been silent, and its connection is cut', () => {
    const run = new MembershipRun(loop).start();
    run.beat(2, 'reduce', 3);
    run.after(500);
    run.beat(1);
    const actions = run.after(500);
    assert.match(
      run.failure?.message ?? '',
      /^worker w2 .* was lost in reduce of step 3: no heartbeat for 1000 ms; last phase reduce since 320 ms$/,
    );
    assert.deepEqual(actions[0], { kind: 'closeLink', link: 2 });
    assert.deepEqual(run.all('sendStop')[0]?.links, [1]);
  });

  test('is shown in the step that its last commit led to when that is newer than its heartbeat', () => {
    const run = new MembershipRun(loop).start();
    run.beat(2, 'apply', 3);
    for (let step = 0; step < 4; step++) run.commit(2, step);
    run.closed(2);
    assert.match(run.failure?.message ?? '', /was lost in step 4, last heard of in \S+ of step \d+: /);
  });

  test('every message of a worker is a sign of life', () => {
    const run = new MembershipRun({ workers: 1 }).start();
    for (let step = 0; step < 5; step++) {
      run.after(900);
      run.commit(1, step);
    }
    assert.equal(run.state.stage.kind, 'running');
  });

  test('nobody is lost because the coordinator itself stood still', () => {
    const run = new MembershipRun(loop).start();
    run.after(100);
    run.now += 60_000;
    run.give({ kind: 'tick' });
    assert.equal(run.state.stage.kind, 'running');
    assert.match(run.reason, /the coordinator itself was stopped for 60000 ms/);
    run.after(999);
    assert.equal(run.state.stage.kind, 'running');
    run.after(100);
    assert.equal(run.failure?.code, 'run/worker-lost');
  });
});

describe('the first failure', () => {
  test('of a worker leads, and the others’ are told as consequences', () => {
    const run = new MembershipRun(loop).start();
    run.failed(2, 'engine/non-finite', 'the loss is NaN');
    run.failed(1, 'collective/timeout', 'rank 0 waited 10000 ms for rank 1');
    assert.match(
      run.failure?.message ?? '',
      /^the loss is NaN \(worker w2, pid 4702 on host-a, in forward-backward of step 3\)$/,
    );
    assert.match(run.reports('consequence')[0]?.error.message ?? '', /rank 0 waited/);
    assert.equal(run.all('sendStop').length, 1);
  });

  test('for want of a peer is investigated: a peer that died in the meantime takes the blame', () => {
    const run = new MembershipRun(loop).start();
    run.beat(2, 'reduce', 3);
    run.failed(1, 'collective/timeout', 'no bucket from rank 1');
    assert.equal(run.state.stage.kind, 'investigating');
    run.closed(1);
    run.after(300);
    run.closed(2);
    assert.match(run.failure?.message ?? '', /^worker w2 .* was lost in reduce of step 3/);
  });

  test('for want of a stopped peer is the peer’s once its heartbeats have stayed away long enough', () => {
    const run = new MembershipRun(loop).start();
    run.after(200);
    run.failed(1, 'rpc/connection-lost', 'the connection to rank 1 was lost');
    run.after(800);
    assert.match(run.failure?.message ?? '', /^worker w2 .* no heartbeat for 1000 ms/);
  });

  test('for want of a peer is a failed peer’s own error when that comes later', () => {
    const run = new MembershipRun(loop).start();
    run.failed(1, 'rpc/connection-lost', 'the connection to rank 1 was lost');
    run.failed(2, 'engine/failed', 'out of memory');
    assert.match(run.failure?.message ?? '', /^out of memory \(worker w2/);
  });

  test('stands when all others live on', () => {
    const run = new MembershipRun(loop).start();
    run.failed(1, 'collective/timeout', 'no bucket from rank 1');
    for (let time = 0; time < 10; time++) {
      run.beat(2);
      run.after(100);
    }
    assert.match(run.failure?.message ?? '', /^no bucket from rank 1 \(worker w1/);
  });

  test('stands at once when nobody is left to blame', () => {
    const run = new MembershipRun(loop).start();
    run.failed(1, 'collective/timeout', 'no bucket from rank 1');
    run.failed(2, 'collective/timeout', 'no bucket from rank 0');
    assert.match(run.failure?.message ?? '', /^no bucket from rank 1/);
    assert.equal(run.reports('consequence').length, 1);
  });

  test('stops the run at once when the user says so', () => {
    const run = new MembershipRun(loop).start();
    const error = { code: 'run/interrupted', message: 'stopped', action: 'fatal', details: {} } as const;
    run.give({ kind: 'stopRequested', error, exitCode: 143 });
    run.give({ kind: 'stopRequested', error, exitCode: 1 });
    for (const worker of [1, 2]) run.closed(worker);
    assert.equal(run.exitCode, 143);
    assert.equal(run.reports('failed').length, 1);
  });
});
