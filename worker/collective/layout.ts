import { at, invariant, LockstepError, type Range } from '../../shared/core/index.ts';
import { type AlgorithmChoice, rankGroups } from './algorithm.ts';
import { type BucketShape, wireOf, wireWidth } from './bucket-shape.ts';
import { type CostInputs, type CostShape, chooseAlgorithm } from './cost-model.ts';
import { type BucketPlan, ExchangePlanner } from './exchange-plan.ts';
import type { ChunkRequest, Member } from './transport.ts';
import { valueBytes, type WireFormat } from './wire-format.ts';
import type { SumOptions } from './zone-sum.ts';

export interface LayoutOptions {
  readonly rank: number;
  readonly members: readonly Member[];
  readonly replicas: number;
  /** Values in each bucket. */
  readonly bucketLengths: readonly number[];
  /** What each bucket is summed and sent as; float32 when absent. */
  readonly bucketFormats?: readonly WireFormat[];
  readonly algorithm: AlgorithmChoice;
  /** What `auto` chooses by: the same on all members. */
  readonly costs?: CostInputs;
  readonly segmentBytes: number;
}

/** A chunk to ask a peer for. */
export type PlannedPull = Omit<ChunkRequest, 'step'> & { readonly rank: number };

/** Who sums which values of which replicas in one generation: the same on every member. */
export class Layout {
  readonly rank: number;
  readonly members: readonly Member[];
  readonly replicas: number;
  readonly buckets: readonly BucketShape[];
  /** What all segments are. */
  readonly wire: WireFormat;
  /** Values on the wire in a segment: an even number, for a float32 may be two of them. */
  readonly segmentValues: number;
  /** What the cost model needs to know. */
  readonly shape: CostShape;
  /** This rank's part in each bucket. */
  readonly plans: readonly BucketPlan[];
  /**
   * What this rank asks its peers for in a step. A peer answers its requests in order, so they are in an order in which
   * nothing depends on what comes later, on whichever peer; and while a bucket is in its last phase the next one is in
   * its first: the peers reduce bucket k while bucket k+1 travels.
   */
  readonly pulls: readonly PlannedPull[];
  readonly #planners: readonly ExchangePlanner[];
  readonly #peerPlans = new Map<number, (BucketPlan | undefined)[]>();

  constructor(options: LayoutOptions) {
    const { members, replicas, bucketLengths, segmentBytes } = options;
    this.rank = options.rank;
    this.members = members;
    this.replicas = replicas;
    this.buckets = bucketLengths.map((length, bucket) => {
      return { length, format: options.bucketFormats?.[bucket] ?? 'float32' };
    });
    this.wire = wireOf(this.buckets);
    const words = Math.max(1, Math.floor(segmentBytes / valueBytes.float32));
    this.segmentValues = this.wire === 'float32' ? words : 2 * words;
    checkMembers(members, replicas);
    this.shape = { members, bucketLengths, valueBytes: valueBytes[this.wire], segmentBytes };
    const root = rankGroups(chooseAlgorithm(options.algorithm, this.shape, options.costs), members);
    this.#planners = bucketLengths.map((length) => new ExchangePlanner(root, members, length));
    this.plans = this.#planners.map((planner) => planner.plan(this.rank));
    this.pulls = orderPulls(this.plans, { replicas, phases: 2 * root.height });
  }

  get hosted(): Range {
    return at(this.members, this.rank).replicas;
  }

  /** Segments of a chunk, by their values. */
  segments(bucket: number, { start, end }: Range): Range[] {
    const { segmentValues } = this.sums(bucket);
    const segments: Range[] = [];
    for (let first = start; first < end; first += segmentValues) {
      segments.push({ start: first, end: Math.min(first + segmentValues, end) });
    }
    return segments;
  }

  /** What sums over a bucket's segments need to know. */
  sums(bucket: number): SumOptions {
    return { replicas: this.replicas, segmentValues: this.segmentValues / this.width(bucket) };
  }

  /** Values on the wire for each value of a bucket. */
  width(bucket: number): number {
    return wireWidth(at(this.buckets, bucket), this.wire);
  }

  /**
   * What a peer's request, counted in values on the wire, asks for in values of the bucket.
   * @throws LockstepError collective/stale, collective/corrupt: what a member of this generation would not ask for
   */
  check(request: ChunkRequest, fromWorker: string): ChunkRequest {
    const asker = this.memberOf(fromWorker);
    if (request.bucket < this.buckets.length) {
      const width = this.width(request.bucket);
      const asked = { ...request, start: request.start / width, end: request.end / width };
      if (this.#isPlanned(asked, asker.rank)) return asked;
    }
    throw new LockstepError(
      'collective/corrupt',
      `rank ${asker.rank} (worker ${fromWorker}) asked rank ${this.rank} for values ${request.start}–${request.end} of ` +
        `bucket ${request.bucket} (${request.stage}, replicas ${request.node.start}–${request.node.end}), which is not ` +
        'its part: the two have different models, memberships or calls',
      { details: { request, fromWorker } },
    );
  }

  /** @throws LockstepError collective/stale */
  memberOf(workerId: string): Member {
    const member = this.members.find((candidate) => candidate.workerId === workerId);
    if (member !== undefined) return member;
    throw new LockstepError('collective/stale', `worker ${workerId} is no member of this generation`, {
      action: 'discard',
    });
  }

  #isPlanned({ bucket, stage, node, start, end }: ChunkRequest, asker: number): boolean {
    if (!Number.isInteger(start) || !Number.isInteger(end)) return false;
    const { zones, gathers } = this.#planOf(asker, bucket);
    const isInside = ({ values }: { values: Range }) => start >= values.start && end <= values.end;
    if (stage === 'gather') return gathers.some((gather) => gather.rank === this.rank && isInside(gather));
    const isAsked = (pull: { rank: number; node: Range }) =>
      pull.rank === this.rank && pull.node.start === node.start && pull.node.end === node.end;
    return zones.some((zone) => isInside(zone) && zone.pulls.some(isAsked));
  }

  #planOf(rank: number, bucket: number): BucketPlan {
    const plans = this.#peerPlans.get(rank) ?? [];
    this.#peerPlans.set(rank, plans);
    let plan = plans[bucket];
    if (plan === undefined) {
      plan = at(this.#planners, bucket).plan(rank);
      plans[bucket] = plan;
    }
    return plan;
  }
}

function checkMembers(members: readonly Member[], replicas: number): void {
  let next = 0;
  for (const [rank, member] of members.entries()) {
    invariant(member.rank === rank, 'members are in rank order');
    invariant(member.replicas.start === next && member.replicas.end > next, `rank ${rank} hosts the next replicas`);
    next = member.replicas.end;
  }
  invariant(next === replicas, `${next} of ${replicas} replicas are hosted`);
}

function orderPulls(
  plans: readonly BucketPlan[],
  { replicas, phases }: { readonly replicas: number; readonly phases: number },
): PlannedPull[] {
  const all = { start: 0, end: replicas };
  const timed = plans.flatMap(({ zones, gathers }, bucket) => {
    const from = (phase: number) => bucket * (phases - 1) + phase;
    const reduces = zones.flatMap(({ values, pulls }) =>
      pulls.map(({ rank, node, phase }) => ({
        time: from(phase),
        pull: { rank, bucket, stage: 'reduce', node, ...values } as const,
      })),
    );
    const gathered = gathers.map(({ rank, values, phase }) => ({
      time: from(phase),
      pull: { rank, bucket, stage: 'gather', node: all, ...values } as const,
    }));
    return [...reduces, ...gathered];
  });
  return timed.sort((a, b) => a.time - b.time || b.pull.bucket - a.pull.bucket).map(({ pull }) => pull);
}
