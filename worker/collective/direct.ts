import { join, leaf, type RankGroup } from './rank-groups.ts';
import type { Member } from './transport.ts';

/**
 * Direct reduce-scatter and all-gather: every rank owns a slice of every bucket and gets all others' sums over it at
 * once. Two latency steps and the fewest bytes for any number of ranks, but W − 1 messages in each step.
 */
export function directGroups(members: readonly Member[]): RankGroup {
  return join(members.map(({ rank }) => leaf(rank)));
}
