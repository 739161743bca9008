import { type Clock, LockstepError, monotonicClock } from '../../shared/core/index.ts';
import {
  type ByteCounter,
  connectionLost,
  MessageStream,
  type OutgoingMessage,
  type PullRequest,
  peerService,
  type StreamEvents,
  toBuffer,
} from '../../shared/rpc/index.ts';
import { GenerationLinks } from './links.ts';
import { PeerWaits } from './peer-waits.ts';
import { answerPulls } from './pull-server.ts';
import { SourceRegistry } from './source-registry.ts';
import type { JoinOptions, Transport } from './transport.ts';

/** What happens to messages on the way: for tests and simulations. */
export interface MemoryNetworkOptions {
  /** Runs each delivery later; those of one lane (stream and direction) in their order. Default: a microtask. */
  readonly schedule?: (deliver: () => void, lane: string) => void;
  /** Of waits for peers. */
  readonly clock?: Clock;
  /** May alter the bytes of a segment, or lose it with `null`. */
  readonly tamper?: (bytes: Buffer, from: string, to: string) => Buffer | null;
}

interface Counters {
  readonly bytes: ByteCounter;
  readonly waits: PeerWaits;
}

/** Workers in one process, with the same streams, codecs and checks as over gRPC. */
export class MemoryNetwork {
  readonly options: MemoryNetworkOptions;
  readonly #registries = new Map<string, SourceRegistry>();
  readonly #open = new Map<string, Set<() => void>>();

  constructor(options: MemoryNetworkOptions = {}) {
    this.options = options;
  }

  /** A worker's transport. Its address is its worker id. */
  attach(workerId: string): Transport {
    const registry = new SourceRegistry(workerId);
    this.#registries.set(workerId, registry);
    const bytes: ByteCounter = { sent: 0, received: 0 };
    const waits = new PeerWaits(this.options.clock ?? monotonicClock);
    return {
      address: workerId,
      bytes,
      waits,
      join: (options) => this.#join(workerId, registry, { bytes, waits }, options),
      close: async () => {
        registry.close();
        this.kill(workerId);
      },
    };
  }

  /** Breaks all of a worker's connections, as its death would. */
  kill(workerId: string): void {
    this.#registries.delete(workerId);
    for (const hangUp of this.#open.get(workerId) ?? []) hangUp();
  }

  #join(workerId: string, registry: SourceRegistry, { bytes, waits }: Counters, options: JoinOptions): GenerationLinks {
    registry.serve(options.source);
    return new GenerationLinks(options, waits, async (peer, client) => {
      const target = this.#registries.get(peer.address);
      if (target === undefined) throw new LockstepError('rpc/unreachable', `${peer.address} is not attached`);
      const { stream, hangUp } = this.#connect(workerId, peer.address, client, target, bytes);
      client.start((request) => void stream.send(request));
      return hangUp;
    });
  }

  #connect(from: string, to: string, events: StreamEvents<Uint8Array>, target: SourceRegistry, bytes: ByteCounter) {
    const { schedule = (deliver: () => void) => queueMicrotask(deliver) } = this.options;
    const toServer = (deliver: () => void) => schedule(deliver, `${from} asks ${to}`);
    const toClient = (deliver: () => void) => schedule(deliver, `${to} answers ${from}`);
    const { request, response } = peerService.pull;
    const common = { queueBytes: 2 * 1024 * 1024 };
    const client: MessageStream<PullRequest, Uint8Array> = new MessageStream(
      {
        write: (sent, written) => {
          toServer(() => {
            server.receive(Buffer.from(toBuffer(sent)));
            written();
          });
        },
        end: () => toServer(() => server.end()),
        abort: () => toServer(() => server.close(connectionLost(from, 'cancelled'))),
      },
      request,
      response,
      { ...common, peer: to, bytes },
    );
    const server: MessageStream<Uint8Array | OutgoingMessage, PullRequest> = new MessageStream(
      {
        write: (sent, written) => {
          toClient(() => {
            const received = this.#deliver(sent, to, from);
            if (received !== null) client.receive(received);
            written();
          });
        },
        end: () => toClient(() => client.close(null)),
        abort: (error) => toClient(() => client.close(error)),
      },
      response,
      request,
      { ...common, peer: from },
    );
    const hangUp = () => {
      client.close(connectionLost(to, 'the connection broke'));
      server.close(connectionLost(from, 'the connection broke'));
    };
    for (const end of [from, to]) {
      const hangUps = this.#open.get(end) ?? new Set();
      this.#open.set(end, hangUps.add(hangUp));
    }
    client.attach(events);
    server.attach(answerPulls(server, target));
    return { stream: client, hangUp };
  }

  /** A fresh buffer with the message at byte 5, as gRPC has it: the receiver adds in place. */
  #deliver(sent: Uint8Array | OutgoingMessage, from: string, to: string): Buffer | null {
    const frame = Buffer.alloc(5 + sent.byteLength);
    frame.set(toBuffer(sent), 5);
    const received = frame.subarray(5);
    return this.options.tamper === undefined ? received : this.options.tamper(received, from, to);
  }
}
