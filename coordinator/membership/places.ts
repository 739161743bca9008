import { at, splitEvenly } from '../../shared/core/index.ts';
import type { Member, WorkerRecord } from './model.ts';

/**
 * Ranks follow the ids (w2 before w10), so that they don't depend on who came first; but workers of a host are
 * neighbours, behind the first of them, so that they can reduce among themselves before they use the network.
 */
export function assignReplicas(workers: readonly WorkerRecord[], replicas: number): Member[] {
  const byId = new Intl.Collator('en', { numeric: true });
  const inOrder = [...workers].sort((a, b) => byId.compare(a.hello.workerId, b.hello.workerId));
  const hosts = new Set(inOrder.map(({ hello }) => hello.host));
  const sorted = [...hosts].flatMap((host) => inOrder.filter(({ hello }) => hello.host === host));
  const ranges = splitEvenly(replicas, sorted.length);
  return sorted.map(({ hello, link }, rank) => ({
    workerId: hello.workerId,
    rank,
    host: hello.host,
    peerAddress: hello.peerAddress,
    firstReplica: at(ranges, rank).start,
    endReplica: at(ranges, rank).end,
    link,
  }));
}
