import { at, invariant, type Range } from '../../shared/core/index.ts';
import type { Member } from './transport.ts';

/**
 * Ranks that merge their sums: a tree whose leaves are the ranks, in order. A group's children exchange parts, so that
 * each of its ranks then holds the group's sums over a part of the values. The tree's shape is the whole difference
 * between the algorithms; the sums' bits never depend on it.
 */
export interface RankGroup {
  readonly ranks: Range;
  /** None: one rank. */
  readonly children: readonly RankGroup[];
  /** Merges from here down: 0 for one rank. */
  readonly height: number;
}

export function leaf(rank: number): RankGroup {
  return { ranks: { start: rank, end: rank + 1 }, children: [], height: 0 };
}

/** Neighbouring groups as one; a single one stays as it is. */
export function join(children: readonly RankGroup[]): RankGroup {
  const first = at(children, 0);
  if (children.length === 1) return first;
  const ranks = { start: first.ranks.start, end: at(children, children.length - 1).ranks.end };
  return { ranks, children, height: 1 + Math.max(...children.map(({ height }) => height)) };
}

/** The replicas that a group's ranks host. */
export function replicasOf({ ranks }: RankGroup, members: readonly Member[]): Range {
  return { start: at(members, ranks.start).replicas.start, end: at(members, ranks.end - 1).replicas.end };
}

/** The child of `group` in which `rank` is. */
export function childWith(group: RankGroup, rank: number): RankGroup {
  const child = group.children.find(({ ranks }) => rank >= ranks.start && rank < ranks.end);
  invariant(child !== undefined, `rank ${rank} is in the group of ranks ${group.ranks.start}–${group.ranks.end}`);
  return child;
}
