import { at, splitEvenly } from '../../shared/core/index.ts';
import type { Member } from '../../worker/collective/index.ts';

/** `workers` ranks with `perHost` on each host, and the replicas spread evenly over them. */
export function cluster(workers: number, perHost = 1, replicas = workers): Member[] {
  const ranges = splitEvenly(replicas, workers);
  return ranges.map((_, rank) => {
    const workerId = `w-${rank}`;
    const host = `host-${Math.floor(rank / perHost)}`;
    return { rank, workerId, address: workerId, host, replicas: at(ranges, rank) };
  });
}
