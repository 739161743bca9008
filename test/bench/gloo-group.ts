import { type Contestant, type Group, joinTurns, type Turn } from '../../cli/allreduce/index.ts';
import type { Network } from '../../cli/network/index.ts';
import { freePort } from './free-port.ts';
import { PeerGroup } from './peer-group.ts';
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
  return [{ name: 'gloo', start: (network, signal) => startGloo(environment.python, network, signal) }];
}

type Request =
  | { readonly kind: 'prepare'; readonly bytes: number }
  | { readonly kind: 'turn'; readonly untimed: number; readonly iterations: number };

async function startGloo(python: string, { nodes }: Network, signal: AbortSignal): Promise<Group> {
  const [first] = nodes;
  if (first === undefined) throw new Error('invariant broken: gloo has ranks');
  const meeting = [String(nodes.length), first.address, String(await freePort(first))];
  const argumentsOf = (rank: number) => [String(rank), ...meeting];
  const program = { name: 'gloo', python, script: 'gloo_allreduce.py', argumentsOf };
  const group = await PeerGroup.start<Request, Turn>(program, nodes, signal);
  return {
    prepare: async (bytes) => void (await group.ask({ kind: 'prepare', bytes })),
    turn: async (untimed, iterations) => joinTurns(await group.ask({ kind: 'turn', untimed, iterations })),
    close: () => group.close(),
  };
}
