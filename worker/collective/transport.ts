import type { Clock, Range } from '../../shared/core/index.ts';
import type { ByteCounter } from '../../shared/rpc/index.ts';
import type { PeerWaits } from './peer-waits.ts';
import type { WireFormat, WireValues } from './wire-format.ts';

/** A worker's place in a generation. */
export interface Member {
  readonly rank: number;
  readonly workerId: string;
  /** Where its transport listens, host:port. */
  readonly address: string;
  /** Name of its machine: workers with the same one reach each other faster. */
  readonly host: string;
  /** The replicas that it hosts; those of all members, in rank order, cover all replicas. */
  readonly replicas: Range;
}

/**
 * What one peer asks of another: values [start, end) of a bucket. `reduce` asks for the sender's sum over `node`,
 * over values that the receiver keeps; `gather` for reduced values that the sender has; `shelf` for bytes that it offers.
 */
export interface ChunkRequest {
  readonly step: number;
  readonly bucket: number;
  readonly stage: 'reduce' | 'gather' | 'shelf';
  /** The node of the canonical tree; with `gather` all replicas; with `shelf` a number for what is asked (shelf.ts). */
  readonly node: Range;
  readonly start: number;
  readonly end: number;
}

/** Answers peers from one generation's data. */
export interface ChunkSource {
  readonly runId: string;
  readonly generation: number;
  /** What all members' values are on the wire. */
  readonly wire: WireFormat;
  /** Values in a segment; all members cut chunks the same way. */
  readonly segmentValues: number;
  /** Most values are zero: segments of sums travel as the others alone, where that is shorter. */
  readonly sparse?: boolean;
  /**
   * Values [start, end) of a chunk in the wire format, now or when they are there. They stay as they are until the
   * peer has them.
   * @throws LockstepError collective/stale, collective/corrupt for a request that makes no sense
   */
  read(request: ChunkRequest, fromWorker: string, start: number, end: number): WireValues | Promise<WireValues>;
}

export interface JoinOptions {
  readonly source: ChunkSource;
  readonly rank: number;
  readonly members: readonly Member[];
  /** Longest silence of a peer that owes something; also the deadline for reaching it. */
  readonly segmentTimeoutMs: number;
  readonly clock: Clock;
}

/** One generation's connections to all peers. */
export interface PeerLinks {
  /**
   * Pulls a chunk; requests to one peer are answered in order. `sink` gets each segment's first value's index in the
   * bucket and the values in the wire format, which it owns. `place` may offer an array for values [start, end), so
   * that they need not be copied there: then the sink may get that very array, or another one if they came elsewhere.
   * @throws LockstepError collective/timeout, collective/corrupt, collective/stale, run/worker-lost
   */
  pull(rank: number, request: ChunkRequest, sink: SegmentSink, place?: SegmentPlace): Promise<void>;
  /** Takes back an array that a sink got, once nobody uses it, for later segments. Other arrays are ignored. */
  recycle(values: WireValues): void;
  /** Stops pulling and answering. Idempotent. */
  close(): void;
}

export type SegmentSink = (start: number, values: WireValues) => void;

export type SegmentPlace = (start: number, end: number) => WireValues | undefined;

/** How segments travel between workers. One for each worker, for its whole life. */
export interface Transport {
  /** Where peers reach this worker. */
  readonly address: string;
  readonly bytes: Readonly<ByteCounter>;
  readonly waits: Pick<PeerWaits, 'seconds'>;
  /** Enters a generation: serves `source`, connects to all others in the background. */
  join(options: JoinOptions): PeerLinks;
  close(): Promise<void>;
}
