import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Peer, startPeers, startTask, type Task } from '../support/collective-peers.ts';
import { contribution } from '../support/collective-worker.ts';
import { referenceSum } from '../support/reference-sum.ts';

/** Three processes that begin a task together. */
async function runPeers(
  t: TestContext,
  replicas: number,
  task: Task,
  pauseAt: Readonly<Record<number, number>> = {},
): Promise<readonly Peer[]> {
  const peers = await startPeers(t, 3);
  startTask(peers, replicas, task, pauseAt);
  return peers;
}

test('three processes that host 7 replicas get the bits of the canonical sum', async (t) => {
  const bucketLengths = [5000, 3, 1000];
  const steps = 5;
  const peers = await runPeers(t, 7, {
    generation: 14,
    bucketLengths,
    algorithm: 'direct',
    segmentBytes: 4096,
    segmentTimeoutMs: 20_000,
    steps,
  });
  for (let step = 0; step < steps; step++) {
    const expected = bucketLengths.map((length, bucket) => {
      const sum = referenceSum(Array.from({ length: 7 }, (_, replica) => contribution(step, replica, bucket, length)));
      return Buffer.from(sum.buffer).toString('hex');
    });
    for (const peer of peers) {
      const report = await peer.next('reduced');
      assert.equal(report.step, step);
      for (const [bucket, hex] of expected.entries())
        assert.ok(report.buckets[bucket] === hex, `bucket ${bucket} of step ${step}`);
    }
  }
});

test('when a process is killed the others name it', async (t) => {
  const task: Task = {
    generation: 14,
    bucketLengths: [5000],
    algorithm: 'direct',
    segmentBytes: 4096,
    segmentTimeoutMs: 20_000,
    steps: 10,
  };
  const peers = await runPeers(t, 3, task, { 1: 2 });
  const [first, victim, third] = peers as readonly [Peer, Peer, Peer];
  for (const peer of peers) for (let step = 0; step < 2; step++) await peer.next('reduced');
  await victim.next('paused');
  victim.process.kill('SIGKILL');
  for (const peer of [first, third]) {
    const failure = await peer.next('failed');
    assert.equal(failure.code, 'run/worker-lost', failure.message);
    assert.match(failure.message, /^rank [02] lost rank 1 \(worker w-1\) while it waited for bucket 0 .* of step 2/);
  }
});

test('when a process is stopped the others time out on it', async (t) => {
  const task: Task = {
    generation: 14,
    bucketLengths: [5000],
    algorithm: 'direct',
    segmentBytes: 4096,
    segmentTimeoutMs: 1_500,
    steps: 10,
  };
  const peers = await runPeers(t, 3, task, { 1: 2 });
  const [first, victim, third] = peers as readonly [Peer, Peer, Peer];
  for (const peer of peers) for (let step = 0; step < 2; step++) await peer.next('reduced');
  await victim.next('paused');
  victim.process.kill('SIGSTOP');
  const failures = await Promise.all([first, third].map((peer) => peer.next('failed')));
  const named = failures.filter(({ code, message }) => {
    return code === 'collective/timeout' && /waited 1500 ms for bucket 0 .* from rank 1 \(worker w-1\)/.test(message);
  });
  assert.ok(named.length >= 1, JSON.stringify(failures));
  victim.process.kill('SIGCONT');
});
