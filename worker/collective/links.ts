import { at, invariant, LockstepError } from '../../shared/core/index.ts';
import type { PeerWaits } from './peer-waits.ts';
import { PullClient } from './pull-client.ts';
import { SegmentPool } from './segment-pool.ts';
import type { ChunkRequest, JoinOptions, Member, PeerLinks, SegmentPlace, SegmentSink } from './transport.ts';
import { valueBytes, type WireValues } from './wire-format.ts';

/** Opens a stream to a peer whose messages go to `client`; gives back what closes it. */
export type Dial = (peer: Member, client: PullClient, signal: AbortSignal) => Promise<() => void>;

/** One pull client for each other member of a generation, connected in the background. */
export class GenerationLinks implements PeerLinks {
  readonly #clients = new Map<number, PullClient>();
  readonly #hangUps: (() => void)[] = [];
  readonly #pool: SegmentPool;
  readonly #abort = new AbortController();

  constructor(options: JoinOptions, waits: PeerWaits, dial: Dial) {
    const { rank, members, source, segmentTimeoutMs, clock } = options;
    const { runId, generation, segmentValues, wire } = source;
    const sender = { runId, generation, workerId: at(members, rank).workerId, wire };
    this.#pool = new SegmentPool(wire, segmentValues * valueBytes[wire]);
    for (const peer of members) {
      if (peer.rank === rank) continue;
      const shared = { rank, sender, segmentValues, segmentTimeoutMs, clock, waits, pool: this.#pool };
      const client = new PullClient({ ...shared, peer });
      this.#clients.set(peer.rank, client);
      dial(peer, client, this.#abort.signal).then(
        (hangUp) => {
          if (this.#abort.signal.aborted) hangUp();
          else this.#hangUps.push(hangUp);
        },
        (error: unknown) => client.fail(LockstepError.from(error, 'rpc/unreachable')),
      );
    }
  }

  pull(rank: number, request: ChunkRequest, sink: SegmentSink, place?: SegmentPlace): Promise<void> {
    const client = this.#clients.get(rank);
    invariant(client !== undefined, `rank ${rank} is a peer`);
    return client.pull(request, sink, place);
  }

  recycle(values: WireValues): void {
    this.#pool.give(values);
  }

  close(): void {
    const closed = new LockstepError('collective/stale', 'the generation is over', { action: 'discard' });
    for (const client of this.#clients.values()) client.fail(closed);
    this.#abort.abort(closed);
    for (const hangUp of this.#hangUps.splice(0)) hangUp();
  }
}
