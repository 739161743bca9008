import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LockstepError } from '../../shared/core/index.ts';
import { findPackageRoot } from '../setup/package-root.mjs';
import type { LinkSpeed } from './link.ts';
import type { Network } from './node.ts';
import { type Command, type NetworkPlan, namespacePrefix, planNetwork, type Shaping } from './plan.ts';

/** Why this machine can't have such networks; null when it can. */
export function whyNoNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (process.getuid?.() !== 0) return 'making network namespaces needs root';
  const missing = ['ip', 'tc', 'unshare'].filter((program) => spawnSync(program, ['-V']).error !== undefined);
  if (missing.length > 0) return `${missing.join(' and ')} is missing (packages iproute2 and util-linux)`;
  const probe = spawnSync('unshare', ['--net', '--uts', 'true'], { encoding: 'utf8' });
  if (probe.status !== 0) return `this kernel or container makes no network namespaces: ${probe.stderr.trim()}`;
  if (hasNetem()) return null;
  const noWire = 'the kernel has no netem (CONFIG_NET_SCH_NETEM)';
  if (!existsSync('/dev/net/tun')) return `${noWire} and no /dev/net/tun in its place`;
  return spawnSync('python3', ['-V']).status === 0 ? null : `${noWire}, and what takes its place needs python3`;
}

/** Tried in a namespace of its own, which ends with the command. */
function hasNetem(): boolean {
  return (
    spawnSync('unshare', ['--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']).status === 0
  );
}

let sequence = 0;

/**
 * Nodes in network namespaces of their own, joined by links of one speed. The host's own network is not touched: even
 * the bridge between them is in a namespace. Removed by `close` and, at the latest, when this process exits; what a
 * killed process left is removed by the next one.
 * @throws LockstepError config/invalid when the machine can't (see whyNoNamespaces)
 */
export async function createNetwork(options: { readonly nodes: number; readonly link: LinkSpeed }): Promise<Network> {
  const problem = whyNoNamespaces();
  if (problem !== null) throw new LockstepError('config/invalid', `--link: ${problem}`);
  removeOrphans();
  const shaping: Shaping = hasNetem() ? 'netem' : 'wire';
  const plan = planNetwork(options, { owner: process.pid, sequence: sequence++, shaping });
  const network = new NamespaceNetwork(plan);
  try {
    for (const command of plan.create) run(command);
    if (shaping === 'wire') await network.startWire(options.link);
    for (const command of plan.connect) run(command);
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

class NamespaceNetwork implements Network {
  readonly #plan: NetworkPlan;
  #wire: ChildProcess | undefined;
  #closed = false;

  constructor(plan: NetworkPlan) {
    this.#plan = plan;
    process.once('exit', this.#remove);
  }

  get hub() {
    return this.#plan.hub;
  }

  get nodes() {
    return this.#plan.nodes;
  }

  async startWire({ bitsPerSecond, delayMs }: LinkSpeed): Promise<void> {
    const { hub, nodes } = this.#plan;
    const script = join(findPackageRoot(), 'cli', 'network', 'wire.py');
    const values = [nodes.length + 1, bitsPerSecond, delayMs / 1000].map(String);
    const args = ['netns', 'exec', hub.namespace, 'python3', script, ...values];
    // Its input ends with this process, and it with its input.
    const wire = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.#wire = wire;
    await new Promise<void>((resolve, reject) => {
      const failed = () =>
        reject(new LockstepError('config/invalid', '--link: the program that carries packets ended'));
      wire.once('error', failed).once('exit', failed);
      createInterface({ input: wire.stdout }).once('line', () => resolve());
    });
  }

  async close(): Promise<void> {
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#wire?.kill('SIGKILL');
    // What was never made is not there to be removed.
    for (const [program, ...args] of this.#plan.remove) spawnSync(program, args, { stdio: 'ignore' });
  };
}

function run([program, ...args]: Command): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim();
  throw new LockstepError('config/invalid', `--link: "${[program, ...args].join(' ')}" failed: ${reason}`);
}

/** Namespaces of processes that ended without removing them. */
function removeOrphans(): void {
  const directory = '/run/netns';
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const owner = name.startsWith(namespacePrefix)
      ? /^(\d+)-/.exec(name.slice(namespacePrefix.length))?.[1]
      : undefined;
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) spawnSync('ip', ['netns', 'delete', name]);
  }
}
