import { at, invariant, LockstepError } from '../../shared/core/index.ts';
import { PullClient } from './pull-client.ts';
import type { ChunkRequest, JoinOptions, Member, PeerLinks, SegmentSink } from './transport.ts';

/** Opens a stream to a peer whose messages go to `client`; gives back what closes it. */
export type Dial = (peer: Member, client: PullClient, signal: AbortSignal) => Promise<() => void>;

/** One pull client for each other member of a generation, connected in the background. */
export class GenerationLinks implements PeerLinks {
  readonly #clients = new Map<number, PullClient>();
  readonly #hangUps: (() => void)[] = [];
  readonly #abort = new AbortController();

  constructor(options: JoinOptions, dial: Dial) {
    const { rank, members, source, segmentTimeoutMs, clock } = options;
    const { runId, generation, segmentValues, wire } = source;
    const sender = { runId, generation, workerId: at(members, rank).workerId, wire };
    for (const peer of members) {
      if (peer.rank === rank) continue;
      const client = new PullClient({ rank, peer, sender, segmentValues, segmentTimeoutMs, clock });
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

  pull(rank: number, request: ChunkRequest, sink: SegmentSink): Promise<void> {
    const client = this.#clients.get(rank);
    invariant(client !== undefined, `rank ${rank} is a peer`);
    return client.pull(request, sink);
  }

  close(): void {
    const closed = new LockstepError('collective/stale', 'the generation is over', { action: 'discard' });
    for (const client of this.#clients.values()) client.fail(closed);
    this.#abort.abort(closed);
    for (const hangUp of this.#hangUps.splice(0)) hangUp();
  }
}
