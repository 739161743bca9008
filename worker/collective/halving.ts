import { at, type Range } from '../../shared/core/index.ts';
import { join, leaf, type RankGroup, replicasOf } from './rank-groups.ts';
import type { Member } from './transport.ts';

/**
 * Recursive halving reduce-scatter, then recursive doubling all-gather: 2·⌈log₂ W⌉ latency steps with a partner or two
 * each, and the fewest bytes where W is a power of two. Groups are cut where the canonical tree over their replicas is,
 * or as near as a rank's border comes, so that a group's sum is one node or a few.
 *
 * @param members all of the generation; `ranks` may be some neighbours among them
 */
export function halvingGroups(ranks: readonly Member[], members: readonly Member[] = ranks): RankGroup {
  return joinInPairs(
    ranks.map(({ rank }) => leaf(rank)),
    members,
  );
}

/** Neighbouring groups joined two by two, up to one. */
export function joinInPairs(groups: readonly RankGroup[], members: readonly Member[]): RankGroup {
  if (groups.length === 1) return join(groups);
  const cut = cutOf(groups, members);
  return join([joinInPairs(groups.slice(0, cut), members), joinInPairs(groups.slice(cut), members)]);
}

/** The first group of the right half: its replicas start nearest to where the canonical tree cuts all of them. */
function cutOf(groups: readonly RankGroup[], members: readonly Member[]): number {
  const starts = groups.map((group) => replicasOf(group, members).start);
  const end = replicasOf(at(groups, groups.length - 1), members).end;
  const middle = canonicalCut({ start: at(starts, 0), end });
  const distance = (index: number) => Math.abs(at(starts, index) - middle);
  let best = 1;
  for (let index = 2; index < groups.length; index++) if (distance(index) < distance(best)) best = index;
  return best;
}

/** The replica inside the range that is the multiple of the largest power of two. */
function canonicalCut({ start, end }: Range): number {
  let step = 1;
  while (step * 2 < end) step *= 2;
  for (; ; step /= 2) {
    const cut = (Math.floor(start / step) + 1) * step;
    if (cut < end) return cut;
  }
}
