import { at, type Range } from '../../shared/core/index.ts';
import { childWith, type RankGroup, replicasOf } from './rank-groups.ts';
import type { Member } from './transport.ts';
import { maximalSubtrees } from './tree.ts';

/** A part of a bucket that a rank sums up, to hand it to another rank or, with all replicas in it, to all. */
export interface Zone {
  readonly values: Range;
  /** The replicas that its sums cover in the end: at least those that the rank hosts. */
  readonly replicas: Range;
  /** The sums over `values` that complete them. */
  readonly pulls: readonly NodePull[];
}

export interface NodePull {
  readonly rank: number;
  readonly node: Range;
  /** Latency step: what is asked for depends on earlier phases of the same bucket only. */
  readonly phase: number;
}

/** Reduced values to ask a rank for. */
export interface GatherPull {
  readonly rank: number;
  readonly values: Range;
  readonly phase: number;
}

/** What one rank does with one bucket. */
export interface BucketPlan {
  /** They cover the bucket; those that are complete first come first. */
  readonly zones: readonly Zone[];
  readonly gathers: readonly GatherPull[];
  /** The reduced values that others ask this rank for lie in here. */
  readonly kept: Range;
  /** Others ask for this rank's one own sum over values that it reduces itself: it may not be made in place. */
  readonly lendsSum: boolean;
}

/** Values over which one rank holds the sums of a group. */
interface Holding {
  readonly rank: number;
  readonly values: Range;
}

/** Values that one rank of each child of a group holds, and the part of them that each of these keeps. */
interface Share {
  readonly values: Range;
  /** By child. */
  readonly parts: readonly Holding[];
}

/**
 * Swapped buckets have fewer values: a small model's only one, what is left of a large one's, statistics. Of many buckets in
 * a row each hides the next one's latency, and halves cost fewer additions.
 */
const swapLimit = 2 ** 20;

/** Pairs of bfloat16 values are added as one word: parts start at even values. */
const grain = 2;

/**
 * Who sums which values of one bucket. Bottom-up through the groups: where ranks of a group's children hold the same
 * values, each keeps a part of them, pulls the others' sums over it, and gives the other parts away. So every rank ends
 * with 1/W of the values. Top-down the same parts are gathered.
 *
 * Two ranks that have one sum each swap these whole, if they are small: as many bytes as half of them there and back, in one
 * latency step.
 */
export class ExchangePlanner {
  readonly #root: RankGroup;
  readonly #members: readonly Member[];
  readonly #length: number;
  readonly #shares = new Map<RankGroup, readonly Share[]>();

  /** @param length values in the bucket */
  constructor(root: RankGroup, members: readonly Member[], length: number) {
    this.#root = root;
    this.#members = members;
    this.#length = length;
  }

  /** Messages one after the other. */
  get latencySteps(): number {
    return this.#swaps ? 1 : 2 * this.#root.height;
  }

  plan(rank: number): BucketPlan {
    return this.#swaps ? this.#swap(rank) : this.#merge(rank);
  }

  get #swaps(): boolean {
    const isOne = (group: RankGroup) => maximalSubtrees(this.#replicas(group), this.#allReplicas).length === 1;
    return (
      this.#members.length === 2 && this.#length > 0 && this.#length < swapLimit && this.#root.children.every(isOne)
    );
  }

  #swap(rank: number): BucketPlan {
    const values = { start: 0, end: this.#length };
    const node = at(this.#members, 1 - rank).replicas;
    const zone = { values, replicas: this.#replicas(this.#root), pulls: [{ rank: 1 - rank, node, phase: 0 }] };
    return { zones: [zone], gathers: [], kept: { start: 0, end: 0 }, lendsSum: true };
  }

  #merge(rank: number): BucketPlan {
    const path: RankGroup[] = [this.#root];
    for (let group = this.#root; group.height > 0; path.unshift(group)) group = childWith(group, rank);
    const whole = { start: 0, end: this.#length };
    let held: Zone[] = [{ values: whole, replicas: this.#replicas(at(path, 0)), pulls: [] }];
    const given: Zone[] = [];
    const gathers: GatherPull[] = [];
    let kept: Range | undefined;
    for (const [level, group] of path.entries()) {
      if (level === 0) continue;
      const child = group.children.indexOf(at(path, level - 1));
      const next: Zone[] = [];
      for (const { zone, share } of this.#sharesOf(rank, group, child, held)) {
        for (const part of share.parts) {
          if (part.rank === rank) next.push(this.#keep(zone, part.values, share, group, child));
          else if (part.values.end > part.values.start) {
            given.push({ ...zone, values: part.values });
            gathers.push({ ...part, phase: 2 * this.#root.height - group.height });
          }
        }
      }
      held = next.filter(({ values }) => values.end > values.start);
      kept ??= spanOf(held);
    }
    return { zones: [...given, ...held], gathers, kept: kept ?? { start: 0, end: 0 }, lendsSum: false };
  }

  /** The shares of what `rank` holds on behalf of a group's child, with the zone that each is of. */
  #sharesOf(rank: number, group: RankGroup, child: number, held: readonly Zone[]): { zone: Zone; share: Share }[] {
    return this.#share(group).flatMap((share) => {
      if (at(share.parts, child).rank !== rank) return [];
      const zone = held.find(({ values }) => share.values.start >= values.start && share.values.end <= values.end);
      return zone === undefined ? [] : [{ zone, share }];
    });
  }

  /** The part of a zone that the rank keeps in `group`: it needs the sums of the other children over it. */
  #keep(zone: Zone, values: Range, { parts }: Share, group: RankGroup, child: number): Zone {
    const pulls = parts.flatMap(({ rank }, index) => {
      if (index === child) return [];
      const nodes = maximalSubtrees(this.#replicas(at(group.children, index)), this.#allReplicas);
      return nodes.map((node): NodePull => ({ rank, node, phase: group.height - 1 }));
    });
    return { values, replicas: this.#replicas(group), pulls: [...zone.pulls, ...pulls] };
  }

  #share(group: RankGroup): readonly Share[] {
    let shares = this.#shares.get(group);
    if (shares === undefined) {
      shares = shareOut(
        group.children.map((child) => this.#holdings(child)),
        group.children.map(({ ranks }) => ranks.end - ranks.start),
      );
      this.#shares.set(group, shares);
    }
    return shares;
  }

  /** Who holds the sums of `group` over which values: in order, they cover the bucket. */
  #holdings(group: RankGroup): Holding[] {
    if (group.height === 0) return [{ rank: group.ranks.start, values: { start: 0, end: this.#length } }];
    const parts = this.#share(group).flatMap((share) => share.parts);
    return parts.filter(({ values }) => values.end > values.start);
  }

  #replicas(group: RankGroup): Range {
    return replicasOf(group, this.#members);
  }

  get #allReplicas(): number {
    return this.#replicas(this.#root).end;
  }
}

/**
 * Cuts the values wherever a holding of any child begins, and each piece among its holders: in equal parts of the
 * bucket for every rank below, as far as whole grains allow.
 */
function shareOut(children: readonly (readonly Holding[])[], weights: readonly number[]): Share[] {
  const shares: Share[] = [];
  const next = children.map(() => 0);
  for (let start = 0; ; ) {
    const holders = children.map((holdings, child) => holdings[at(next, child)]);
    if (holders.some((holder) => holder === undefined)) return shares;
    const present = holders as Holding[];
    const end = Math.min(...present.map(({ values }) => values.end));
    const values = { start, end };
    const ranges = splitByWeight(values, weights);
    shares.push({ values, parts: present.map(({ rank }, child) => ({ rank, values: at(ranges, child) })) });
    for (const [child, { values }] of present.entries()) if (values.end === end) next[child] = at(next, child) + 1;
    start = end;
  }
}

function splitByWeight({ start, end }: Range, weights: readonly number[]): Range[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const ranges: Range[] = [];
  let from = start;
  let before = 0;
  for (const [index, weight] of weights.entries()) {
    before += weight;
    const cut = start + Math.floor(((end - start) * before) / total / grain) * grain;
    const to = index === weights.length - 1 ? end : cut;
    ranges.push({ start: from, end: to });
    from = to;
  }
  return ranges;
}

function spanOf(zones: readonly Zone[]): Range {
  const first = zones[0]?.values.start ?? 0;
  return { start: first, end: zones.at(-1)?.values.end ?? first };
}
