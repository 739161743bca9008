import { join } from 'node:path';
import { type NetworkNode, networkDevice } from '../../cli/network/index.ts';
import { findPackageRoot } from '../../cli/setup/package-root.mjs';
import { LineProcess } from './line-process.ts';

export type PeerReply<R> = R | { readonly kind: 'joined' } | { readonly kind: 'failed'; readonly reason: string };

export interface PeerProgram {
  readonly name: string;
  readonly python: string;
  /** File in test/bench/peers. */
  readonly script: string;
  argumentsOf(rank: number): readonly string[];
}

/** A peer's ranks, one process on each node: every request goes to all of them, and all answer. */
export class PeerGroup<Request extends object, Reply extends object> {
  readonly #ranks: readonly LineProcess<Request, PeerReply<Reply>>[];
  readonly #signal: AbortSignal;

  private constructor(ranks: readonly LineProcess<Request, PeerReply<Reply>>[], signal: AbortSignal) {
    this.#ranks = ranks;
    this.#signal = signal;
    signal.addEventListener('abort', this.#kill);
    process.once('exit', this.#kill);
  }

  /** @throws Error with what a rank complained about */
  static async start<Request extends object, Reply extends object>(
    { name, python, script, argumentsOf }: PeerProgram,
    nodes: readonly NetworkNode[],
    signal: AbortSignal,
  ): Promise<PeerGroup<Request, Reply>> {
    const file = join(findPackageRoot(), 'test', 'bench', 'peers', script);
    const ranks = nodes.map((node, rank) => {
      const args = [file, ...argumentsOf(rank)];
      return new LineProcess<Request, PeerReply<Reply>>({
        ...{ name: `${name} rank ${rank}`, command: python, args, node, env: glooOn(node) },
      });
    });
    const group = new PeerGroup<Request, Reply>(ranks, signal);
    try {
      await Promise.all(ranks.map((rank) => rank.next()));
      return group;
    } catch (error) {
      await group.close();
      throw error;
    }
  }

  /** The ranks' answers, in their order. @throws Error with a rank's reason */
  ask(request: Request): Promise<Reply[]> {
    return Promise.all(
      this.#ranks.map(async (rank) => {
        const reply = await rank.ask(request);
        if ('kind' in reply && reply.kind === 'failed' && 'reason' in reply) {
          throw new Error(`${rank.name} failed: ${reply.reason}`);
        }
        return reply as Reply;
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#ranks.map((rank) => rank.close()));
    process.off('exit', this.#kill);
    this.#signal.removeEventListener('abort', this.#kill);
  }

  readonly #kill = (): void => {
    for (const rank of this.#ranks) rank.kill();
  };
}

/** gloo takes the address of the host's name where it is told no device. */
function glooOn({ prefix }: NetworkNode): Readonly<Record<string, string>> {
  return prefix.length === 0 ? {} : { GLOO_SOCKET_IFNAME: networkDevice };
}
