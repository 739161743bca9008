import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunSettings } from '../../shared/config/index.ts';
import { isLoopback, splitEvenly } from '../../shared/core/index.ts';
import type { ExchangeChoice } from '../../worker/collective/index.ts';
import { type CoordinatorProcess, startCoordinator } from '../launcher/index.ts';
import type { Network, NetworkNode } from '../network/index.ts';
import { type Contestant, type Group, joinTurns, type Turn } from './group.ts';
import { RankProcess } from './rank-process.ts';

/** As in training. */
export const SEGMENT_BYTES = 2 ** 20;

export interface LockstepSettings {
  readonly bucketBytes: number;
  readonly sharedMemory: 'auto' | 'off';
  readonly algorithm: RunSettings['algorithm'];
  readonly wire: 'float32' | 'bfloat16';
}

export function lockstepContestant(settings: LockstepSettings, name = 'lockstep'): Contestant {
  return { name, start: async (network, signal) => new LockstepGroup(settings, network, signal) };
}

/** Ranks that meet as the workers of a run do: by a coordinator, each with a link thread. A size is a run of its own. */
class LockstepGroup implements Group {
  readonly #settings: LockstepSettings;
  readonly #network: Network;
  readonly #signal: AbortSignal;
  readonly #ranks: readonly RankProcess[];
  readonly #out = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  #coordinator: CoordinatorProcess | undefined;
  #exchange: ExchangeChoice | undefined;

  constructor(settings: LockstepSettings, network: Network, signal: AbortSignal) {
    this.#settings = settings;
    this.#network = network;
    this.#signal = signal;
    this.#ranks = network.nodes.map((node, rank) => new RankProcess(`w${rank}`, node));
    process.once('exit', this.#kill);
    signal.addEventListener('abort', this.#kill);
  }

  get exchange(): ExchangeChoice | undefined {
    return this.#exchange;
  }

  async prepare(bytes: number): Promise<void> {
    await this.#leave();
    const { hub, nodes } = this.#network;
    // Loopback is shared by all users of a machine: the token keeps their processes out.
    const runToken = randomBytes(16).toString('hex');
    const security = { insecure: !isLoopback(hub.address) };
    this.#coordinator = await startCoordinator(
      {
        ...{ listen: `${hub.address}:0`, out: this.#out, security, runToken, settings: this.#runSettings() },
        ...{ json: false, metricsListen: null, logLevel: 'error', refillPlaces: false },
        ...{ heartbeatIntervalMs: 500, heartbeatTimeoutMs: 30_000, joinTimeoutMs: 60_000 },
      },
      hub,
    );
    const { address: coordinator } = this.#coordinator;
    const bucketLengths = cutBuckets(bytes, this.#settings.bucketBytes);
    const joined = await this.#all((rank, index) => {
      const { name: host, address } = nodes[index] as NetworkNode;
      // Processes on links of their own play hosts of their own.
      const sharedMemory = isLoopback(address) ? this.#settings.sharedMemory : 'off';
      const place = { coordinator, workerId: `w${index}`, host, peerListen: `${address}:0`, sharedMemory } as const;
      return rank.ask({ kind: 'join', ...place, security, runToken, bucketLengths }, 'joined');
    });
    this.#exchange = joined[0]?.exchange;
  }

  async turn(untimed: number, iterations: number): Promise<Turn> {
    return joinTurns(await this.#all((rank) => rank.ask({ kind: 'turn', untimed, iterations }, 'took')));
  }

  async close(): Promise<void> {
    this.#kill();
    process.off('exit', this.#kill);
    this.#signal.removeEventListener('abort', this.#kill);
    rmSync(this.#out, { recursive: true, force: true });
  }

  readonly #kill = (): void => {
    for (const rank of this.#ranks) rank.kill();
    this.#coordinator?.kill();
  };

  /** Ends the run of the last size. */
  async #leave(): Promise<void> {
    if (this.#coordinator === undefined) return;
    await this.#all((rank) => rank.ask({ kind: 'leave' }, 'left'));
    await this.#coordinator.ended;
    this.#coordinator = undefined;
  }

  #all<T>(ask: (rank: RankProcess, index: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#ranks.map(ask));
  }

  #runSettings(): RunSettings {
    const workers = this.#network.nodes.length;
    return {
      // Nothing is trained: the run has no steps that count.
      ...{ mode: 'evaluate', workers, replicas: workers, epochs: null, maxSteps: null, globalBatchSize: null },
      ...{ accumulate: null },
      ...{ seed: null, eager: null, precision: null, bucketBytes: this.#settings.bucketBytes },
      ...{ wire: this.#settings.wire, algorithm: this.#settings.algorithm },
      ...{ segmentBytes: SEGMENT_BYTES, segmentTimeoutMs: 60_000 },
    };
  }
}

/** float32 values in each bucket: even ones, none above `bucketBytes`. */
export function cutBuckets(bytes: number, bucketBytes: number): number[] {
  const values = bytes / 4;
  return splitEvenly(values, Math.ceil(bytes / bucketBytes)).map(({ start, end }) => end - start);
}
