import { at } from '../../shared/core/index.ts';
import { directGroups } from './direct.ts';
import { halvingGroups, joinInPairs } from './halving.ts';
import { join, type RankGroup } from './rank-groups.ts';
import type { Member } from './transport.ts';

/** Above this many parties, pairs exchange by turns instead of all with all. */
export const widestDirect = 16;

/**
 * Reduces inside each host by slices, exchanges between hosts, gathers inside: a host's link carries 2·b·(H−1)/H bytes
 * for all of its workers together. Workers of a host must be neighbours in rank, or they count as several hosts.
 */
export function hierarchicalGroups(members: readonly Member[]): RankGroup {
  const hosts = hostsOf(members).map((host) => {
    return host.length <= widestDirect ? directGroups(host) : halvingGroups(host, members);
  });
  return hosts.length <= widestDirect ? join(hosts) : joinInPairs(hosts, members);
}

/** Runs of neighbouring ranks on one host. */
export function hostsOf(members: readonly Member[]): Member[][] {
  const hosts: Member[][] = [];
  for (const member of members) {
    const last = hosts.at(-1);
    if (last !== undefined && at(last, 0).host === member.host) last.push(member);
    else hosts.push([member]);
  }
  return hosts;
}
