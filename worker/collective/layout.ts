import { at, invariant, LockstepError, type Range } from '../../shared/core/index.ts';
import { type AlgorithmChoice, rankGroups } from './algorithm.ts';
import { chooseAlgorithm } from './cost-model.ts';
import { type BucketPlan, ExchangePlanner } from './exchange-plan.ts';
import type { ChunkRequest, Member } from './transport.ts';
import { valueBytes } from './wire-format.ts';

export interface LayoutOptions {
  readonly rank: number;
  readonly members: readonly Member[];
  readonly replicas: number;
  /** Values in each bucket. */
  readonly bucketLengths: readonly number[];
  readonly algorithm: AlgorithmChoice;
  readonly segmentBytes: number;
}

/** A chunk to ask a peer for. */
export type PlannedPull = Omit<ChunkRequest, 'step'> & { readonly rank: number };

/** Who sums which values of which replicas in one generation: the same on every member. */
export class Layout {
  readonly rank: number;
  readonly members: readonly Member[];
  readonly replicas: number;
  readonly bucketLengths: readonly number[];
  readonly segmentValues: number;
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
    const { members, replicas, bucketLengths } = options;
    this.rank = options.rank;
    this.members = members;
    this.replicas = replicas;
    this.bucketLengths = bucketLengths;
    this.segmentValues = Math.max(1, Math.floor(options.segmentBytes / valueBytes.float32));
    checkMembers(members, replicas);
    const shape = { members, bucketLengths, valueBytes: valueBytes.float32, segmentBytes: options.segmentBytes };
    const root = rankGroups(chooseAlgorithm(options.algorithm, shape), members);
    this.#planners = bucketLengths.map((length) => new ExchangePlanner(root, members, length));
    this.plans = this.#planners.map((planner) => planner.plan(this.rank));
    this.pulls = orderPulls(this.plans, { replicas, phases: 2 * root.height });
  }

  get hosted(): Range {
    return at(this.members, this.rank).replicas;
  }

  /** Segments of a chunk, by their values. */
  segments({ start, end }: Range): Range[] {
    const segments: Range[] = [];
    for (let first = start; first < end; first += this.segmentValues) {
      segments.push({ start: first, end: Math.min(first + this.segmentValues, end) });
    }
    return segments;
  }

  /** @throws LockstepError collective/stale, collective/corrupt: what a member of this generation would not ask for */
  check(request: ChunkRequest, fromWorker: string): void {
    const asker = this.members.find((member) => member.workerId === fromWorker);
    if (asker === undefined) {
      throw new LockstepError('collective/stale', `worker ${fromWorker} is no member of this generation`, {
        action: 'discard',
      });
    }
    if (request.bucket < this.bucketLengths.length && this.#isPlanned(request, asker.rank)) return;
    throw new LockstepError(
      'collective/corrupt',
      `rank ${asker.rank} (worker ${fromWorker}) asked rank ${this.rank} for values ${request.start}–${request.end} of ` +
        `bucket ${request.bucket} (${request.stage}, replicas ${request.node.start}–${request.node.end}), which is not ` +
        'its part: the two have different models or memberships',
      { details: { request, fromWorker } },
    );
  }

  #isPlanned({ bucket, stage, node, start, end }: ChunkRequest, asker: number): boolean {
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
