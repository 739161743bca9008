import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EvaluationShare } from '../../coordinator/membership/index.ts';
import { facts, MembershipRun } from '../support/membership-run.ts';

describe('progress', () => {
  test('in a program’s own loop rank 0 tells of steps, behind what it tells of the loop', () => {
    const run = new MembershipRun({ mode: 'loop' }).start();
    run.commit(2, 0);
    run.give({ kind: 'loopPlanned', from: run.from(1), facts: { ...facts, epochs: 7 } });
    run.commit(1, 0);
    assert.equal(run.reports('planned')[0]?.active.facts.epochs, 7);
    assert.equal(run.reports('step').length, 1);
  });

  test('whoever tells of a step first counts, once for each step', () => {
    const run = new MembershipRun().start();
    run.commit(2, 0);
    assert.equal(run.reports('step').length, 1);
    run.commit(1, 0);
    run.commit(1, 0);
    run.commit(2, 0);
    run.commit(1, 1);
    assert.deepEqual(
      run.reports('step').map(({ report }) => report.step),
      [0, 1],
    );
    const journalled = run.all('journal').map(({ record }) => (record.kind === 'step' ? record.step : null));
    assert.deepEqual(journalled, [null, 0, 1]);
  });

  test('a step that skips one means that the run went wrong', () => {
    const run = new MembershipRun().start();
    run.commit(1, 0);
    run.commit(1, 2);
    assert.equal(run.failure?.code, 'run/diverged');
    assert.match(run.failure.message, /worker w1 .* committed step 2 while step 1 was due/);
  });

  test('messages of another run or generation are counted and dropped', () => {
    const run = new MembershipRun().start();
    const before = run.state;
    const finished = { kind: 'workerFinished', steps: 1, weightsSha256: '', checkpoint: '' } as const;
    run.give({ ...finished, from: run.from(1, 2) });
    run.give({ ...finished, from: { link: 1, runId: 'other', generation: 1 } });
    assert.equal(run.state, before);
    assert.equal(run.all('countStale').length, 2);
  });
});

describe('evaluation', () => {
  const share = (replica: number, lossSum: number, step = 10): EvaluationShare => {
    return { split: 'validation', step, replica, samples: 16, lossSum, metricSums: [8] };
  };
  const give = (run: MembershipRun, worker: number, value: EvaluationShare) =>
    run.give({ kind: 'evaluationShare', from: run.from(worker), share: value });

  test('the result comes with the last share', () => {
    const run = new MembershipRun().start();
    for (const replica of [2, 3]) give(run, 2, share(replica, 4));
    give(run, 1, share(0, 4));
    assert.equal(run.reports('evaluation').length, 0);
    give(run, 1, share(1, 4));
    const expected = { split: 'validation', step: 10, samples: 64, loss: 0.25, metrics: { accuracy: 0.5 } };
    assert.deepEqual(run.reports('evaluation')[0]?.evaluation, expected);
  });

  test('sums are the same bits in whatever order the shares arrive', () => {
    const sums = [1e16, 1, -1e16, 1];
    const results = [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [2, 0, 3, 1],
    ].map((order) => {
      const run = new MembershipRun({ workers: 1 }).start();
      for (const replica of order) give(run, 1, share(replica, sums[replica] ?? 0));
      return run.reports('evaluation')[0]?.evaluation.loss;
    });
    // ((1e16 + 1) - 1e16) + 1 in float64, in replica order.
    assert.deepEqual(results, [1 / 64, 1 / 64, 1 / 64]);
  });

  test('a share that comes twice, or from a worker that does not host the replica, does not count', () => {
    const run = new MembershipRun().start();
    give(run, 1, share(0, 4));
    give(run, 1, share(0, 400));
    give(run, 1, share(2, 400));
    for (const [worker, replica] of [
      [1, 1],
      [2, 2],
      [2, 3],
      [2, 3],
    ] as const) {
      give(run, worker, share(replica, 4));
    }
    assert.deepEqual(
      run.reports('evaluation').map(({ evaluation }) => evaluation.loss),
      [0.25],
    );
  });
});

describe('finishing', () => {
  test('a run is complete when all workers finished with the same weights', () => {
    const run = new MembershipRun().start();
    for (let step = 0; step < 20; step++) run.commit(1, step, step === 19);
    run.finished(2);
    assert.equal(run.state.stage.kind, 'finishing');
    run.finished(1);
    assert.deepEqual(run.reports('finished')[0]?.outcome, {
      steps: 20,
      weightsSha256: 'f'.repeat(64),
      checkpoint: 'out/model',
      drained: false,
      stopped: null,
    });
    assert.deepEqual(run.all('sendStop'), [{ kind: 'sendStop', links: [1, 2], error: null }]);
    run.closed(1);
    assert.equal(run.exitCode, null);
    run.closed(2);
    assert.equal(run.exitCode, 0);
  });

  test('a worker that ends after it finished is not lost', () => {
    const run = new MembershipRun().start();
    run.finished(2);
    run.closed(2);
    run.finished(1);
    run.closed(1);
    assert.equal(run.exitCode, 0);
  });

  test('different weights fail the run and name who differs', () => {
    const run = new MembershipRun({ workers: 3 }).start();
    run.finished(1);
    run.finished(2, 'e'.repeat(64));
    run.finished(3);
    assert.equal(run.failure?.code, 'run/diverged');
    assert.match(
      run.failure.message,
      /w1 \(.*\), worker w3 \(.*\): ffffffffffff… after 20 steps; worker w2 \(.*\): eeeeeeeeeeee…/,
    );
    assert.deepEqual(Object.values(run.failure.details['groups'] as object), [['w1', 'w3'], ['w2']]);
  });

  test('a worker that does not end after Stop is left behind after a grace', () => {
    const run = new MembershipRun().start();
    run.finished(1);
    run.finished(2);
    run.closed(1);
    run.after(1900);
    assert.equal(run.exitCode, null);
    run.after(100);
    assert.equal(run.exitCode, 0);
    run.closed(2);
    assert.equal(run.all('exit').length, 1);
  });
});

describe('draining', () => {
  const ask = (run: MembershipRun) => run.give({ kind: 'drainRequested', reason: 'Ctrl-C', exitCode: 130 });

  test('the workers end early, everything is saved, and the exit code says who asked', () => {
    const run = new MembershipRun().start();
    run.commit(1, 0);
    assert.deepEqual(ask(run)[0], { kind: 'sendDrain', links: [1, 2], reason: 'Ctrl-C' });
    assert.equal(run.state.stage.kind, 'draining');
    run.commit(1, 1, true);
    for (const worker of [1, 2]) run.finished(worker, 'f', 2);
    for (const worker of [1, 2]) run.closed(worker);
    assert.equal(run.reports('finished')[0]?.outcome.drained, true);
    assert.equal(run.exitCode, 130);
  });

  test('a drain that comes too late to shorten the run leaves it a success', () => {
    const run = new MembershipRun().start();
    ask(run);
    for (const worker of [1, 2]) run.finished(worker);
    for (const worker of [1, 2]) run.closed(worker);
    assert.equal(run.reports('finished')[0]?.outcome.drained, false);
    assert.equal(run.exitCode, 0);
  });

  test('asked twice, the run stops at once', () => {
    const run = new MembershipRun().start();
    ask(run);
    ask(run);
    assert.equal(run.failure?.code, 'run/interrupted');
    assert.deepEqual(run.all('sendStop')[0]?.links, [1, 2]);
    for (const worker of [1, 2]) run.closed(worker);
    assert.equal(run.exitCode, 130);
  });

  test('a run that is lost already ends without waiting for the cause', () => {
    const run = new MembershipRun().start();
    run.failed(1, 'collective/timeout', 'no bucket from rank 1');
    ask(run);
    assert.match(run.failure?.message ?? '', /^no bucket from rank 1/);
  });

  test('before training there is nothing to save', () => {
    const run = new MembershipRun();
    run.hello(1);
    ask(run);
    assert.equal(run.failure?.code, 'run/interrupted');
  });

  test('without workers the coordinator ends at once', () => {
    const run = new MembershipRun();
    ask(run);
    assert.equal(run.exitCode, 130);
  });
});
