import type { Network } from '../../cli/network/index.ts';
import { freePort } from './free-port.ts';
import { PeerGroup, type PeerProgram } from './peer-group.ts';
import { providePython } from './python-environment.ts';
import type { TrainingWorkload } from './training-workloads.ts';
import { pythonPackages } from './workloads.ts';

export type TrainingRequest =
  | { readonly kind: 'load'; readonly workload: TrainingWorkload; readonly rows: number }
  | {
      readonly kind: 'turn';
      readonly workload: TrainingWorkload;
      readonly untimed: number;
      readonly steps: number;
      /** PyTorch only: whole steps, the same without communication, or the communication alone. */
      readonly what: 'step' | 'compute' | 'communicate';
    };

export type TrainingReply =
  | { readonly kind: 'loaded'; readonly version: string }
  | { readonly kind: 'took'; readonly seconds: readonly number[] };

export type TrainingPeer = PeerGroup<TrainingRequest, TrainingReply>;

export const peerNames = ['pytorch', 'keras'] as const;
export type PeerName = (typeof peerNames)[number];

export const peerTitles: Readonly<Record<PeerName, string>> = {
  pytorch: 'PyTorch DDP',
  keras: 'Keras MultiWorkerMirroredStrategy',
};

/** Starts a library's ranks, one on each node. @throws Error why it cannot be had here */
export async function startPeer(
  name: PeerName,
  { nodes }: Network,
  { signal, note }: { readonly signal: AbortSignal; note(line: string): void },
): Promise<TrainingPeer> {
  const environment = await providePython(name, pythonPackages[name], note);
  if (environment.state === 'missing') throw new Error(environment.reason);
  const ports = await Promise.all(nodes.map((node) => freePort(node)));
  const addresses = nodes.map(({ address }, rank) => `${address}:${ports[rank]}`);
  const [meeting = ''] = addresses;
  const program: PeerProgram = {
    ...{ name, python: environment.python },
    ...(name === 'keras'
      ? { script: 'keras_mwms.py', argumentsOf: (rank) => [String(rank), addresses.join(',')] }
      : {
          script: 'pytorch_ddp.py',
          argumentsOf: (rank) => [String(rank), String(nodes.length), ...meeting.split(':')],
        }),
  };
  return PeerGroup.start(program, nodes, signal);
}

/** Seconds of each timed step on rank 0. */
export async function peerTurn(
  peer: TrainingPeer,
  turn: Omit<Extract<TrainingRequest, { kind: 'turn' }>, 'kind'>,
): Promise<readonly number[]> {
  const [first] = await peer.ask({ kind: 'turn', ...turn });
  return first?.kind === 'took' ? first.seconds : [];
}
