import {
  type ByteCounter,
  connect,
  peerService,
  type RunningServer,
  type Security,
  serve,
  startServer,
} from '../../shared/rpc/index.ts';
import { GenerationLinks } from './links.ts';
import { answerPulls } from './pull-server.ts';
import { SourceRegistry } from './source-registry.ts';
import type { JoinOptions, Transport } from './transport.ts';

export interface GrpcTransportOptions {
  readonly workerId: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly security: Security;
}

/** Segments over gRPC: one server for each worker, one connection and one Pull stream for each ordered pair of peers. */
export class GrpcTransport implements Transport {
  readonly bytes: ByteCounter;
  readonly #registry: SourceRegistry;
  readonly #server: RunningServer;
  readonly #security: Security;

  private constructor(bytes: ByteCounter, registry: SourceRegistry, server: RunningServer, security: Security) {
    this.bytes = bytes;
    this.#registry = registry;
    this.#server = server;
    this.#security = security;
  }

  /** Starts listening. @throws LockstepError rpc/address-in-use, config/insecure, config/invalid */
  static async create(options: GrpcTransportOptions): Promise<GrpcTransport> {
    const bytes: ByteCounter = { sent: 0, received: 0 };
    const registry = new SourceRegistry(options.workerId);
    const server = await startServer({
      address: options.listen,
      kind: 'bulk',
      security: options.security,
      services: [serve(peerService.pull, (stream) => answerPulls(stream, registry), { bytes })],
    });
    return new GrpcTransport(bytes, registry, server, options.security);
  }

  get address(): string {
    return this.#server.address;
  }

  join(options: JoinOptions): GenerationLinks {
    this.#registry.serve(options.source);
    return new GenerationLinks(options, async (peer, client, signal) => {
      const role = `rank ${peer.rank} (worker ${peer.workerId}) at`;
      const deadlineMs = options.segmentTimeoutMs;
      const channel = await connect(peer.address, { kind: 'bulk', security: this.#security, deadlineMs, role, signal });
      const stream = channel.open(peerService.pull, client, { bytes: this.bytes });
      client.start((request) => void stream.send(request));
      return () => channel.close();
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#registry.close();
    await this.#server.close(0);
  }
}
