import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { splitEvenly } from '../../shared/core/index.ts';
import { contribution, type WorkerReport, type WorkerTask } from '../support/collective-worker.ts';
import { referenceSum } from '../support/reference-sum.ts';

const script = fileURLToPath(new URL('../support/collective-worker.js', import.meta.url));

/** A worker process and what it reported. */
class Peer {
  readonly reports: WorkerReport[] = [];
  readonly process: ChildProcess;

  constructor(rank: number) {
    this.process = fork(script, ['collective-worker', `w-${rank}`], { stdio: 'inherit' });
    this.process.on('message', (report: WorkerReport) => this.reports.push(report));
  }

  async next<Kind extends WorkerReport['kind']>(kind: Kind): Promise<Extract<WorkerReport, { kind: Kind }>> {
    while (this.reports.length === 0) await once(this.process, 'message');
    const report = this.reports.shift() as WorkerReport;
    assert.equal(report.kind, kind, JSON.stringify(report).slice(0, 300));
    return report as Extract<WorkerReport, { kind: Kind }>;
  }
}

type Task = Omit<WorkerTask, 'rank' | 'members' | 'replicas'>;

async function startPeers(
  t: TestContext,
  replicas: number,
  task: Task,
  pauseAt: Readonly<Record<number, number>> = {},
): Promise<Peer[]> {
  const peers = [0, 1, 2].map((rank) => new Peer(rank));
  t.after(() => {
    for (const peer of peers) peer.process.kill('SIGKILL');
  });
  const hosted = splitEvenly(replicas, peers.length);
  const members: WorkerTask['members'] = await Promise.all(
    peers.map(async (peer, rank) => ({
      rank,
      workerId: `w-${rank}`,
      host: 'h',
      address: (await peer.next('listening')).address,
      replicas: hosted[rank] as { start: number; end: number },
    })),
  );
  for (const [rank, peer] of peers.entries()) {
    const pause = pauseAt[rank] === undefined ? {} : { pauseAt: pauseAt[rank] };
    peer.process.send({ ...task, ...pause, rank, members, replicas } satisfies WorkerTask);
  }
  return peers;
}

test('three processes that host 7 replicas get the bits of the canonical sum', async (t) => {
  const bucketLengths = [5000, 3, 1000];
  const steps = 5;
  const peers = await startPeers(t, 7, {
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
    bucketLengths: [5000],
    algorithm: 'direct',
    segmentBytes: 4096,
    segmentTimeoutMs: 20_000,
    steps: 10,
  };
  const peers = await startPeers(t, 3, task, { 1: 2 });
  const [first, victim, third] = peers as [Peer, Peer, Peer];
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
    bucketLengths: [5000],
    algorithm: 'direct',
    segmentBytes: 4096,
    segmentTimeoutMs: 1_500,
    steps: 10,
  };
  const peers = await startPeers(t, 3, task, { 1: 2 });
  const [first, victim, third] = peers as [Peer, Peer, Peer];
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
