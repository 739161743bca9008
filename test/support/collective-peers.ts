import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { at, splitEvenly } from '../../shared/core/index.ts';
import type { Member } from '../../worker/collective/index.ts';
import type { WorkerReport, WorkerTask } from './collective-worker.ts';

const script = fileURLToPath(new URL('collective-worker.js', import.meta.url));

/** A worker process and what it reported. */
export class Peer {
  readonly process: ChildProcess;
  /** Where its transport listens. */
  address = '';
  readonly #reports: WorkerReport[] = [];

  constructor(rank: number) {
    this.process = fork(script, ['collective-worker', `w-${rank}`], { stdio: 'inherit' });
    this.process.on('message', (report: WorkerReport) => this.#reports.push(report));
  }

  async next<Kind extends WorkerReport['kind']>(kind: Kind): Promise<Extract<WorkerReport, { kind: Kind }>> {
    while (this.#reports.length === 0) await once(this.process, 'message');
    const report = this.#reports.shift() as WorkerReport;
    assert.equal(report.kind, kind, JSON.stringify(report).slice(0, 300));
    return report as Extract<WorkerReport, { kind: Kind }>;
  }
}

export type Task = Omit<WorkerTask, 'rank' | 'members' | 'replicas'>;

/** Processes that listen, and end with the test. */
export async function startPeers(t: TestContext, count: number): Promise<readonly Peer[]> {
  const peers = Array.from({ length: count }, (_, rank) => new Peer(rank));
  t.after(() => {
    for (const peer of peers) peer.process.kill('SIGKILL');
  });
  for (const peer of peers) peer.address = (await peer.next('listening')).address;
  return peers;
}

/**
 * All of `peers` reduce together, as the members of a generation.
 * @param pauseAt by rank, the step at which it stops
 * @param hostOf the machine that a rank says it is on
 */
export function startTask(
  peers: readonly Peer[],
  replicas: number,
  task: Task,
  pauseAt: Readonly<Record<number, number>> = {},
  hostOf: (rank: number) => string = () => 'h',
): void {
  const hosted = splitEvenly(replicas, peers.length);
  const members = peers.map(({ address }, rank): Member => {
    return { rank, workerId: `w-${rank}`, host: hostOf(rank), address, replicas: at(hosted, rank) };
  });
  for (const [rank, peer] of peers.entries()) {
    const pause = pauseAt[rank] === undefined ? {} : { pauseAt: pauseAt[rank] };
    peer.process.send({ ...task, ...pause, rank, members, replicas } satisfies WorkerTask);
  }
}
