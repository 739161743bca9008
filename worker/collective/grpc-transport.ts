import { monotonicClock } from '../../shared/core/index.ts';
import {
  type ByteCounter,
  connect,
  peerService,
  type RunningServer,
  type Security,
  serve,
  startServer,
} from '../../shared/rpc/index.ts';
import { HostMemory } from './host-memory.ts';
import { GenerationLinks } from './links.ts';
import { PeerWaits } from './peer-waits.ts';
import { answerPulls, type PullStream } from './pull-server.ts';
import { SourceRegistry } from './source-registry.ts';
import type { JoinOptions, Transport } from './transport.ts';
import { valueBytes } from './wire-format.ts';

export interface GrpcTransportOptions {
  readonly workerId: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly security: Security;
  /** `auto`, the default: payloads between workers on one host go through memory that they share, where it works. */
  readonly sharedMemory?: 'auto' | 'off' | undefined;
  /** Hears why it does not work where it should. */
  readonly notice?: ((message: string) => void) | undefined;
}

/** Segments over gRPC: one server for each worker, one connection and one Pull stream for each ordered pair of peers. */
export class GrpcTransport implements Transport {
  readonly bytes: ByteCounter;
  readonly waits = new PeerWaits(monotonicClock);
  readonly #registry: SourceRegistry;
  readonly #server: RunningServer;
  readonly #options: GrpcTransportOptions;
  readonly #memory: HostMemory | undefined;

  private constructor(
    options: GrpcTransportOptions,
    bytes: ByteCounter,
    registry: SourceRegistry,
    server: RunningServer,
    memory: HostMemory | undefined,
  ) {
    this.bytes = bytes;
    this.#options = options;
    this.#registry = registry;
    this.#server = server;
    this.#memory = memory;
  }

  /** Starts listening. @throws LockstepError rpc/address-in-use, config/insecure, config/invalid */
  static async create(options: GrpcTransportOptions): Promise<GrpcTransport> {
    const bytes: ByteCounter = { sent: 0, received: 0 };
    const registry = new SourceRegistry(options.workerId);
    const memory = options.sharedMemory === 'off' ? undefined : new HostMemory(bytes, options.notice ?? (() => {}));
    const answer = (stream: PullStream) =>
      answerPulls(stream, registry, (offer, workerId) => memory?.accept(offer, workerId));
    const server = await startServer({
      address: options.listen,
      kind: 'bulk',
      security: options.security,
      services: [serve(peerService.pull, answer, { bytes })],
    });
    return new GrpcTransport(options, bytes, registry, server, memory);
  }

  get address(): string {
    return this.#server.address;
  }

  join(options: JoinOptions): GenerationLinks {
    this.#registry.serve(options.source);
    return new GenerationLinks(options, this.waits, async (peer, client, signal) => {
      const role = `rank ${peer.rank} (worker ${peer.workerId}) at`;
      const deadlineMs = options.segmentTimeoutMs;
      const { security } = this.#options;
      const channel = await connect(peer.address, { kind: 'bulk', security, deadlineMs, role, signal });
      const stream = channel.open(peerService.pull, client, { bytes: this.bytes });
      const { segmentValues, wire } = options.source;
      client.start((request) => void stream.send(request), this.#memory?.offer(segmentValues * valueBytes[wire]));
      return () => channel.close();
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#registry.close();
    await this.#server.close(0);
  }
}
