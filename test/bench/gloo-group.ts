import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Contestant, type Group, joinTurns, type Turn } from '../../cli/allreduce/index.ts';
import { type Network, type NetworkNode, networkDevice } from '../../cli/network/index.ts';
import { findPackageRoot } from '../../cli/setup/package-root.mjs';
import { LineProcess } from './line-process.ts';
import { providePython } from './python-environment.ts';
import { pythonPackages } from './workloads.ts';

const note = (line: string): void => console.error(`bench: ${line}`);

/** gloo, as PyTorch comes with it; nothing where Python cannot be set up, with the reason told. */
export async function findGloo(): Promise<Contestant[]> {
  const environment = await providePython('pytorch', pythonPackages.pytorch, note);
  if (environment.state === 'missing') {
    note(`without gloo: ${environment.reason}`);
    return [];
  }
  const { python } = environment;
  return [{ name: 'gloo', start: (network, signal) => GlooGroup.start(python, network, signal) }];
}

type Request = { kind: 'prepare'; bytes: number } | { kind: 'turn'; untimed: number; iterations: number };
type Reply = { kind: 'joined' | 'prepared' } | ({ kind: 'took' } & Turn) | { kind: 'failed'; reason: string };

class GlooGroup implements Group {
  readonly #ranks: readonly LineProcess<Request, Reply>[];

  readonly #signal: AbortSignal;

  private constructor(ranks: readonly LineProcess<Request, Reply>[], signal: AbortSignal) {
    this.#ranks = ranks;
    this.#signal = signal;
    signal.addEventListener('abort', this.#kill);
    process.once('exit', this.#kill);
  }

  static async start(python: string, { nodes }: Network, signal: AbortSignal): Promise<GlooGroup> {
    const [first] = nodes;
    const meeting = [first?.address ?? '', String(first?.prefix.length === 0 ? await freePort() : MEETING_PORT)];
    const script = join(findPackageRoot(), 'test', 'bench', 'peers', 'gloo_allreduce.py');
    const ranks = nodes.map((node, rank) => {
      const args = [script, String(rank), String(nodes.length), ...meeting];
      return new LineProcess<Request, Reply>({
        name: `gloo rank ${rank}`,
        command: python,
        args,
        node,
        env: glooOn(node),
      });
    });
    const group = new GlooGroup(ranks, signal);
    await Promise.all(ranks.map((rank) => rank.next()));
    return group;
  }

  async prepare(bytes: number): Promise<void> {
    await this.#all({ kind: 'prepare', bytes });
  }

  async turn(untimed: number, iterations: number): Promise<Turn> {
    const turns = await this.#all({ kind: 'turn', untimed, iterations });
    return joinTurns(turns.flatMap((reply) => (reply.kind === 'took' ? [reply] : [])));
  }

  async close(): Promise<void> {
    await Promise.all(this.#ranks.map((rank) => rank.close()));
    process.off('exit', this.#kill);
    this.#signal.removeEventListener('abort', this.#kill);
  }

  readonly #kill = (): void => {
    for (const rank of this.#ranks) rank.kill();
  };

  #all(request: Request): Promise<Reply[]> {
    return Promise.all(
      this.#ranks.map(async (rank) => {
        const reply = await rank.ask(request);
        if (reply.kind === 'failed') throw new Error(`${rank.name} failed: ${reply.reason}`);
        return reply;
      }),
    );
  }
}

/** gloo takes the address of the host's name where it is told no device. */
export function glooOn({ prefix }: NetworkNode): Readonly<Record<string, string>> {
  return prefix.length === 0 ? {} : { GLOO_SOCKET_IFNAME: networkDevice };
}

/** In a network of its own every port is free. */
const MEETING_PORT = 29_500;

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
