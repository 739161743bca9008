import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type JournalEntry, type Member, recoverRun } from '../../coordinator/membership/index.ts';
import { facts, MembershipRun, runId } from '../support/membership-run.ts';

/** The run as a coordinator knows it that reads what the one before wrote down. */
function restarted(run: MembershipRun): MembershipRun {
  const entries = run.all('journal').map(({ record }): JournalEntry => record);
  const recovered = recoverRun(JSON.parse(JSON.stringify(entries)), run.state.config, run.now);
  assert.ok(recovered !== null);
  const next = new MembershipRun();
  next.state = recovered.state;
  next.now = run.now;
  return next;
}

function comesBack(run: MembershipRun, worker: number, generation = 1, link = worker + 10) {
  const where = { host: 'host-a', pid: 4700 + worker, peerAddress: `host-a:${7000 + worker}`, metricsAddress: '' };
  const { identity } = [...training().state.workers.values()][0]?.hello ?? {};
  assert.ok(identity !== undefined);
  return run.give({
    kind: 'workerHello',
    from: { link, runId: '', generation: 0 },
    hello: { workerId: `w${worker}`, ...where, identity, rejoin: { runId, generation } },
  });
}

function training(decidesEpochs = false): MembershipRun {
  const run = new MembershipRun({ workers: 2 });
  for (const worker of [1, 2]) run.hello(worker);
  for (const worker of [1, 2]) run.ready(worker, 'hash', { ...facts, validationSamples: 0, decidesEpochs });
  return run;
}

const membersOf = (run: MembershipRun): readonly Member[] =>
  'active' in run.state.stage ? run.state.stage.active.members : [];

describe('a coordinator that is started again', () => {
  test('knows the run as the one before it did', () => {
    const run = training();
    for (let step = 0; step < 13; step++) run.commit(1, step);
    const { stage: before } = run.state;
    const { stage } = restarted(run).state;
    assert.ok(before.kind === 'running' && stage.kind === 'recovering');
    const { members: _, ...known } = stage.active;
    const { members: __, ...expected } = before.active;
    assert.deepEqual(known, expected);
  });

  test('goes on when all workers are back, and counts what they did meanwhile', () => {
    const run = training();
    for (let step = 0; step < 3; step++) run.commit(1, step);
    const next = restarted(run);
    comesBack(next, 2);
    next.commit(12, 2);
    next.commit(12, 3);
    assert.equal(next.state.stage.kind, 'recovering');
    comesBack(next, 1);
    assert.equal(next.state.stage.kind, 'running');
    assert.deepEqual(
      membersOf(next).map(({ link }) => link),
      [11, 12],
    );
    next.commit(11, 3);
    next.commit(11, 4);
    assert.deepEqual(
      next.reports('step').map(({ report }) => report.step),
      [3, 4],
    );
  });

  test('forms a generation of those that came back in time', () => {
    const run = training();
    run.commit(1, 0);
    const next = restarted(run);
    comesBack(next, 2);
    for (let second = 0; second < 4; second++) {
      next.beat(12);
      next.after(900);
    }
    next.standing(12, 1);
    const [start] = next.all('startGeneration');
    assert.deepEqual(
      start?.members.map(({ workerId }) => workerId),
      ['w2'],
    );
    assert.equal(start?.generation, 2);
  });

  test('ends the run when nobody comes back', () => {
    const next = restarted(training());
    next.after(4000);
    assert.match(
      next.failure?.message ?? '',
      /^no worker is left .*w1, w2 did not come back to the coordinator within/,
    );
  });

  test('tells the last decision and an epoch that waits for one again', () => {
    const run = training(true);
    const decision = { epoch: 0, stop: null, learningRate: 0.5, keepWeights: false, restoreWeights: false };
    run.give({ kind: 'epochDecided', from: run.from(1), decision });
    for (let step = 0; step < 10; step++) run.commit(1, step);
    const next = restarted(run);
    comesBack(next, 1);
    comesBack(next, 2);
    assert.deepEqual(next.all('sendDecision')[0], { kind: 'sendDecision', links: [11, 12], decision });
    assert.equal(next.all('sendEpochEnd')[0]?.end.epoch, 0);
    assert.equal(next.all('sendEpochEnd')[0]?.link, 11);
  });

  test('regroups at once when a worker tells that a peer is gone', () => {
    const next = restarted(training());
    comesBack(next, 1);
    next.peerFault(11, 2);
    comesBack(next, 2);
    assert.equal(next.state.stage.kind, 'regrouping');
  });

  test('forms the next generation when some had not heard of the last one, or wait for the next', () => {
    const run = training();
    run.peerFault(1, 2);
    for (const worker of [1, 2]) run.standing(worker, 0);
    const behind = restarted(run);
    comesBack(behind, 1, 2);
    comesBack(behind, 2, 1);
    assert.equal(behind.state.stage.kind, 'regrouping');
    const paused = restarted(training());
    comesBack(paused, 1);
    comesBack(paused, 2);
    const from = { link: 11, runId, generation: 2 };
    paused.give({ kind: 'workerStanding', from, standing: { steps: 0, decisions: 0 } });
    assert.equal(paused.state.stage.kind, 'regrouping');
  });

  test('a run that ended is not gone on with', () => {
    const run = training();
    run.failed(1, 'engine/failed', 'out of memory');
    const entries = run.all('journal').map(({ record }) => record);
    assert.equal(recoverRun(entries, run.state.config, 0), null);
  });
});

test('a worker that comes back to a coordinator which went on without it is put out', () => {
  const run = training();
  comesBack(run, 2, 1, 5);
  assert.equal(run.all('sendRefused')[0]?.error.code, 'run/evicted');
  assert.equal(run.state.stage.kind, 'running');
});
