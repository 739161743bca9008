import { at, invariant, LockstepError, type Range, splitEvenly } from '../../shared/core/index.ts';
import type { ChunkRequest, Member } from './transport.ts';
import { maximalSubtrees } from './tree.ts';
import { valueBytes } from './wire-format.ts';

export interface LayoutOptions {
  readonly rank: number;
  readonly members: readonly Member[];
  readonly replicas: number;
  /** Values in each bucket. */
  readonly bucketLengths: readonly number[];
  readonly segmentBytes: number;
}

/** Who owns which values and which replicas in one generation: the same on every member. */
export class Layout {
  readonly rank: number;
  readonly members: readonly Member[];
  readonly replicas: number;
  readonly bucketLengths: readonly number[];
  readonly segmentValues: number;
  /** Each rank's maximal subtrees. */
  readonly nodes: readonly (readonly Range[])[];
  readonly #slices: readonly (readonly Range[])[];

  constructor(options: LayoutOptions) {
    const { members, replicas, bucketLengths } = options;
    this.rank = options.rank;
    this.members = members;
    this.replicas = replicas;
    this.bucketLengths = bucketLengths;
    this.segmentValues = Math.max(1, Math.floor(options.segmentBytes / valueBytes.float32));
    let next = 0;
    for (const [rank, member] of members.entries()) {
      invariant(member.rank === rank, 'members are in rank order');
      invariant(member.replicas.start === next && member.replicas.end > next, `rank ${rank} hosts the next replicas`);
      next = member.replicas.end;
    }
    invariant(next === replicas, `${next} of ${replicas} replicas are hosted`);
    this.nodes = members.map((member) => maximalSubtrees(member.replicas, replicas));
    this.#slices = bucketLengths.map((length) => splitEvenly(length, members.length));
  }

  get hosted(): Range {
    return at(this.members, this.rank).replicas;
  }

  /** The part of a bucket that `rank` reduces. */
  slice(bucket: number, rank: number = this.rank): Range {
    return at(at(this.#slices, bucket), rank);
  }

  /** Segments of a chunk, by their first values. */
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
    const slice =
      request.bucket < this.bucketLengths.length
        ? this.slice(request.bucket, request.stage === 'reduce' ? asker.rank : this.rank)
        : { start: 0, end: 0 };
    const mine = at(this.nodes, this.rank);
    const nodeFits =
      request.stage === 'gather' ||
      mine.some((node) => node.start === request.node.start && node.end === request.node.end);
    if (nodeFits && request.start >= slice.start && request.end <= slice.end) return;
    throw new LockstepError(
      'collective/corrupt',
      `rank ${asker.rank} (worker ${fromWorker}) asked rank ${this.rank} for values ${request.start}–${request.end} of ` +
        `bucket ${request.bucket} (${request.stage}, replicas ${request.node.start}–${request.node.end}), which is not ` +
        'its part: the two have different models or memberships',
      { details: { request, fromWorker } },
    );
  }
}
