import { type RandomStream, type Range, splitEvenly } from '../../shared/core/index.ts';
import {
  type AlgorithmChoice,
  type Allreduce,
  createAllreduce,
  MemoryNetwork,
  type MemoryNetworkOptions,
  type Transport,
  type WireFormat,
  type WireValues,
} from '../../worker/collective/index.ts';
import { referenceSum, referenceSumInBfloat16, wildFloats } from './reference-sum.ts';

export interface World {
  readonly network: MemoryNetwork;
  readonly ranks: readonly Allreduce[];
  readonly transports: readonly Transport[];
  readonly hosted: readonly { start: number; end: number }[];
}

export interface WorldOptions extends MemoryNetworkOptions {
  readonly workers: number;
  readonly replicas: number;
  /** Null where each step is begun with its own. */
  readonly bucketLengths: readonly number[] | null;
  /** The replicas of each rank; even ranges when absent. */
  readonly hosted?: readonly Range[];
  /** The host of each rank; one for all when absent. */
  readonly hosts?: readonly string[];
  readonly algorithm?: AlgorithmChoice;
  readonly bucketFormats?: readonly WireFormat[];
  readonly segmentBytes?: number;
  readonly sparse?: boolean;
  readonly clock?: { now(): number };
  /** Ranks whose generation differs. */
  readonly generations?: Readonly<Record<number, number>>;
}

export function makeWorld(options: WorldOptions): World {
  const network = new MemoryNetwork(options);
  const hosted = options.hosted ?? splitEvenly(options.replicas, options.workers);
  const members = hosted.map((replicas, rank) => {
    const workerId = `w-${rank}`;
    return { rank, workerId, address: workerId, host: options.hosts?.[rank] ?? 'h', replicas };
  });
  const transports = members.map(({ workerId }) => network.attach(workerId));
  const ranks = transports.map((transport, rank) =>
    createAllreduce({
      runId: 'run',
      generation: options.generations?.[rank] ?? 14,
      rank,
      members,
      replicas: options.replicas,
      bucketLengths: options.bucketLengths,
      bucketFormats: options.bucketFormats ?? [],
      transport,
      algorithm: options.algorithm ?? 'direct',
      segmentBytes: options.segmentBytes ?? 64,
      sparse: options.sparse ?? false,
      segmentTimeoutMs: 5000,
      clock: options.clock ?? { now: () => 0 },
    }),
  );
  return { network, ranks, transports, hosted };
}

/** Delivers in the order of each lane, but takes the lanes in any order. */
export function randomLanes(random: RandomStream): (deliver: () => void, lane: string) => void {
  const lanes = new Map<string, (() => void)[]>();
  return (deliver, lane) => {
    lanes.set(lane, [...(lanes.get(lane) ?? []), deliver]);
    queueMicrotask(() => {
      const waiting = [...lanes.values()].filter((queue) => queue.length > 0);
      waiting[random.below(waiting.length)]?.shift()?.();
    });
  };
}

const leaf = (length: number, seed: number, step: number, replica: number, bucket: number) =>
  wildFloats(length, seed, step, replica, bucket);

export function contribute(world: World, lengths: readonly number[], rank: number, step: number, seed: number): void {
  const { start, end } = world.hosted[rank] as { start: number; end: number };
  for (let replica = start; replica < end; replica++) {
    for (const [bucket, length] of lengths.entries()) {
      world.ranks[rank]?.contribute(step, replica, bucket, leaf(length, seed, step, replica, bucket));
    }
  }
}

export function expected(
  lengths: readonly number[],
  replicas: number,
  step: number,
  seed: number,
  formats: readonly WireFormat[] = [],
): WireValues[] {
  return lengths.map((length, bucket) => {
    const leaves = Array.from({ length: replicas }, (_, replica) => leaf(length, seed, step, replica, bucket));
    return formats[bucket] === 'bfloat16' ? referenceSumInBfloat16(leaves) : referenceSum(leaves);
  });
}

export const close = (world: World) => {
  for (const rank of world.ranks) rank.close();
};
