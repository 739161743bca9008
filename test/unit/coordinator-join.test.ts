import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import { MembershipRun } from '../support/membership-run.ts';

describe('joining', () => {
  test('generation 1 starts when all workers are ready, and is journalled before anyone is told', () => {
    const run = new MembershipRun();
    run.hello(1);
    run.hello(2);
    run.ready(1);
    assert.equal(run.state.stage.kind, 'gathering');
    const actions = run.ready(2);
    assert.deepEqual(
      actions.map((action) => action.kind),
      ['journal', 'startGeneration', 'report'],
    );
    assert.equal(run.state.stage.kind, 'running');
  });

  test('ranks follow the worker ids, not the order of arrival, and w2 comes before w10', () => {
    const run = new MembershipRun({ workers: 3, replicas: 8 });
    run.hello(1, {}, 'w10');
    run.hello(2, {}, 'w2');
    run.hello(3, {}, 'w1');
    for (const link of [2, 1, 3]) run.ready(link);
    const members = run.all('startGeneration')[0]?.members ?? [];
    assert.deepEqual(
      members.map(({ workerId, rank, firstReplica, endReplica, link }) => [
        workerId,
        rank,
        firstReplica,
        endReplica,
        link,
      ]),
      [
        ['w1', 0, 0, 3, 3],
        ['w2', 1, 3, 6, 2],
        ['w10', 2, 6, 8, 1],
      ],
    );
  });

  for (const [field, value, words] of [
    ['lockstepVersion', '0.2.0', /another Lockstep version \(0\.2\.0\) than .* \(0\.1\.0\)/],
    ['engine', 'cpu', /another engine \(cpu\) than .* \(tensorflow\)/],
    ['tensorflowVersion', '2.20.0', /another TensorFlow version \(2\.20\.0\) than .* \(2\.21\.0\)/],
    ['deviceClass', 'cuda-H100', /another device class \(cuda-H100\) than .* \(cpu-x64\)/],
    ['threads', 2, /another threads \(2\) than .* \(1\)/],
    ['jobFileHash', 'b'.repeat(64), /another job file hash \(bbbbbbbbbbbb…\) than .* \(aaaaaaaaaaaa…\)/],
  ] as const) {
    test(`a worker with another ${field} is refused by name and value, and the run fails`, () => {
      const run = new MembershipRun();
      run.hello(1);
      run.hello(2, { [field]: value });
      const refused = run.all('sendRefused')[0];
      assert.equal(refused?.link, 2);
      assert.equal(refused.error.code, 'job/mismatch');
      assert.match(refused.error.message, words);
      assert.match(refused.error.message, /^worker w2 \(pid 4702 on host-a\) .* than worker w1 \(pid 4701 on host-a\)/);
      assert.deepEqual(run.all('sendStop')[0]?.links, [1]);
      run.closed(1);
      assert.equal(run.exitCode, 1);
    });
  }

  test('a worker that loads another job than the first one fails the run with both hashes', () => {
    const run = new MembershipRun();
    run.hello(1);
    run.hello(2);
    run.ready(1, 'one');
    run.ready(2, 'two');
    assert.equal(run.failure?.code, 'job/mismatch');
    assert.match(run.failure.message, /worker w2 .*\(hash two\) than worker w1 .*\(hash one\)/);
  });

  test('a second worker of the same id is refused and the first one stays', () => {
    const run = new MembershipRun();
    run.hello(1);
    run.hello(2, {}, 'w1');
    assert.match(run.all('sendRefused')[0]?.error.message ?? '', /has the id of worker w1 .*--worker-id/);
    assert.equal(run.state.workers.size, 1);
    assert.equal(run.state.stage.kind, 'gathering');
  });

  test('in a program’s own loop a worker too many and a worker too late are refused, and the run goes on', () => {
    const run = new MembershipRun({ mode: 'loop' });
    run.hello(1);
    run.hello(2);
    run.hello(3);
    assert.match(run.all('sendRefused')[0]?.error.message ?? '', /one too many: the run has its 2 workers/);
    run.ready(1);
    run.ready(2);
    run.hello(4);
    assert.match(run.all('sendRefused')[1]?.error.message ?? '', /came too late/);
    assert.equal(run.state.stage.kind, 'running');
  });

  test('a worker that dies before the start leaves its place free for another', () => {
    const run = new MembershipRun();
    run.hello(1);
    run.hello(2);
    run.closed(2);
    assert.match(run.reports('left')[0]?.why ?? '', /worker w2 .* was lost while starting: its connection closed/);
    run.hello(5, {}, 'w2');
    run.ready(1);
    run.ready(5);
    assert.equal(run.state.stage.kind, 'running');
  });

  test('where nobody can take its place, a worker that dies before the start ends the run at once', () => {
    const run = new MembershipRun({}, false);
    run.hello(1);
    run.hello(2);
    run.closed(2);
    assert.equal(run.failure?.code, 'run/worker-lost');
    assert.match(run.failure.message, /^worker w2 .* was lost while starting: its connection closed$/);
    assert.deepEqual(run.all('sendStop')[0]?.links, [1]);
  });

  test('where nobody can take its place, a worker that stands still while loading ends the run', () => {
    const run = new MembershipRun({}, false);
    run.hello(1);
    run.hello(2);
    run.beat(2, 'starting', 0, 250);
    run.after(900);
    run.beat(1, 'starting');
    run.after(100);
    assert.match(
      run.failure?.message ?? '',
      /^worker w2 .* no heartbeat for 1000 ms; last phase starting since 250 ms$/,
    );
    assert.equal(run.failure?.code, 'run/worker-lost');
  });

  test('too few workers by the deadline end the run with what was heard from each', () => {
    const run = new MembershipRun({ workers: 3 });
    run.hello(1);
    run.hello(2);
    run.ready(1);
    for (let round = 0; round < 11; round++) {
      run.beat(1, 'idle');
      run.beat(2, 'starting');
      run.after(900);
    }
    run.beat(1, 'idle');
    run.beat(2, 'starting');
    assert.equal(run.state.stage.kind, 'gathering');
    run.after(100);
    assert.equal(run.failure?.code, 'run/waiting');
    assert.match(run.failure.message, /^1 of 3 workers were ready after 10000 ms: /);
    assert.match(
      run.failure.message,
      /worker w1 .* is ready; worker w2 .* is still loading its job since 10000 ms; 1 more never came/,
    );
  });

  test('a job that cannot be loaded ends the run with the worker’s own error and stack', () => {
    const run = new MembershipRun();
    run.hello(1);
    run.failed(1, 'job/threw', 'job.ts threw while it was loaded: x is not defined');
    assert.equal(run.failure?.code, 'job/threw');
    assert.match(run.failure.message, /^job\.ts threw .* \(worker w1, pid 4701 on host-a, /);
  });

  test('a batch that the replicas cannot divide is refused with the nearest ones that work', () => {
    const run = new MembershipRun({ replicas: 6 });
    run.hello(1);
    run.ready(1, 'hash', { globalBatchSize: 32 });
    assert.equal(run.failure?.code, 'config/invalid');
    assert.match(run.failure.message, /batchSize 32 cannot be cut in 6 equal parts.*--batch-size 30 or 36/);
    run.closed(1);
    assert.equal(run.exitCode, 2);
  });

  test('fewer replicas than workers are refused before anything starts', () => {
    assert.throws(
      () => new MembershipRun({ workers: 3, replicas: 2 }),
      (error) =>
        error instanceof LockstepError &&
        error.code === 'config/invalid' &&
        /2 replicas .* 3 workers/.test(error.message),
    );
  });

  test('an evaluation has no steps', () => {
    const run = new MembershipRun({ mode: 'evaluate' }).start();
    assert.equal(run.reports('started')[0]?.active.totalSteps, 0);
  });

  test('the planned steps are all epochs, or fewer by maxSteps', () => {
    assert.equal(new MembershipRun().start().reports('started')[0]?.active.totalSteps, 20);
    assert.equal(new MembershipRun({ maxSteps: 7 }).start().reports('started')[0]?.active.totalSteps, 7);
  });
});
