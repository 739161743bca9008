import type { LinkSpeed } from './link.ts';
import type { NetworkNode } from './node.ts';

/**
 * What holds packets back: the kernel's netem on a bridge's ports, or, on kernels without it, a process that carries
 * packets between TUN devices (wire.py).
 */
export type Shaping = 'netem' | 'wire';

export interface NetworkPlan {
  readonly hub: PlannedNode;
  readonly nodes: readonly PlannedNode[];
  /** Makes the namespaces. */
  readonly create: readonly Command[];
  /** Joins them; with `wire` when its devices are there. */
  readonly connect: readonly Command[];
  readonly remove: readonly Command[];
}

export interface PlannedNode extends NetworkNode {
  readonly namespace: string;
}

export type Command = readonly [program: string, ...args: string[]];

/** Addresses that no real network of the machine can collide with: the host's own namespace never has them. */
const addressOf = (index: number): string => `10.203.${index >> 8}.${index & 255}`;

/** Name of a node's only device besides loopback. */
export const networkDevice = 'link0';

/** Every namespace of a run begins with this and the id of the process that made it. */
export const namespacePrefix = 'lockstep-';

/**
 * @param owner id of the process that makes and removes the network
 * @param sequence tells apart several networks of one process
 */
export function planNetwork(
  { nodes: count, link }: { readonly nodes: number; readonly link: LinkSpeed },
  { owner, sequence, shaping }: { readonly owner: number; readonly sequence: number; readonly shaping: Shaping },
): NetworkPlan {
  const base = `${namespacePrefix}${owner}-${sequence}`;
  const hub = plannedNode(`${base}-hub`, 'hub', 1);
  const nodes = Array.from({ length: count }, (_, index) => plannedNode(`${base}-n${index}`, `n${index}`, index + 2));
  const all = [hub, ...nodes];
  return {
    hub,
    nodes,
    create: all.flatMap(({ namespace }) => [
      ['ip', 'netns', 'add', namespace],
      ['ip', '-n', namespace, 'link', 'set', 'lo', 'up'],
    ]),
    connect: shaping === 'netem' ? bridge(hub, nodes, link) : wired(hub, all),
    remove: all.map(({ namespace }) => ['ip', 'netns', 'delete', namespace]),
  };
}

/** Processes see a host name of their own, so that nothing takes two nodes for one host. */
function plannedNode(namespace: string, name: string, index: number): PlannedNode {
  const script = `echo ${namespace} >/proc/sys/kernel/hostname && exec "$@"`;
  const prefix = ['ip', 'netns', 'exec', namespace, 'unshare', '--uts', 'sh', '-c', script, name];
  return { namespace, name: namespace, address: addressOf(index), prefix };
}

/** Rate and delay where a node sends; the rate again where it receives, for several that send to one. */
function bridge(hub: PlannedNode, nodes: readonly PlannedNode[], link: LinkSpeed): Command[] {
  const { rate, delay, limit } = netem(link);
  const inHub = (...args: string[]): Command => ['ip', '-n', hub.namespace, ...args];
  return [
    inHub('link', 'add', 'lockstep0', 'type', 'bridge'),
    inHub('address', 'add', `${hub.address}/16`, 'dev', 'lockstep0'),
    inHub('link', 'set', 'lockstep0', 'up'),
    ...nodes.flatMap(({ namespace, address }, index): Command[] => [
      inHub('link', 'add', `port${index}`, 'type', 'veth', 'peer', 'name', networkDevice, 'netns', namespace),
      inHub('link', 'set', `port${index}`, 'master', 'lockstep0', 'up'),
      ...upWith(namespace, address),
      ['tc', '-n', namespace, 'qdisc', 'add', 'dev', networkDevice, 'root', 'netem', ...rate, ...delay, ...limit],
      ['tc', '-n', hub.namespace, 'qdisc', 'add', 'dev', `port${index}`, 'root', 'netem', ...rate, ...limit],
    ]),
  ];
}

function netem({ bitsPerSecond, delayMs }: LinkSpeed) {
  // Packets on their way in both directions, of the least that a full frame may hold, and a switch's queue.
  const limit = 1000 + Math.ceil((2 * bitsPerSecond * delayMs) / 1000 / (8 * 1500));
  return {
    rate: ['rate', `${bitsPerSecond}bit`],
    delay: delayMs === 0 ? [] : ['delay', `${delayMs * 1000}us`],
    limit: ['limit', String(limit)],
  };
}

/** wire.py makes its devices in the hub; each moves to its node. */
function wired(hub: PlannedNode, all: readonly PlannedNode[]): Command[] {
  return all.flatMap(({ namespace, address }, index): Command[] => [
    ...(index === 0 ? [] : [moved(hub, `link${index}`, namespace)]),
    ...upWith(namespace, address),
  ]);
}

function moved(hub: PlannedNode, device: string, namespace: string): Command {
  return ['ip', '-n', hub.namespace, 'link', 'set', device, 'netns', namespace, 'name', networkDevice];
}

function upWith(namespace: string, address: string): Command[] {
  return [
    ['ip', '-n', namespace, 'address', 'add', `${address}/16`, 'dev', networkDevice],
    ['ip', '-n', namespace, 'link', 'set', networkDevice, 'up'],
  ];
}
