import assert from 'node:assert/strict';
import { at, LockstepError } from '../../../shared/core/index.ts';
import type { NamedBytes, WireValues } from '../../../worker/collective/index.ts';
import type { Process, Scheduler } from './scheduler.ts';

export interface PeerMember {
  readonly workerId: string;
  readonly rank: number;
  readonly replicas: { readonly start: number; readonly end: number };
}

export interface PeerEvents {
  readonly ready: () => void;
  readonly reduced: (step: number, buckets: readonly WireValues[]) => void;
  readonly taken: (entries: readonly NamedBytes[]) => void;
  readonly failed: (error: LockstepError) => void;
}

/** How long a worker waits for a peer that stands still; shorter than the coordinator's heartbeat timeout. */
const SEGMENT_TIMEOUT_MS = 700;
const BUCKETS = 2;

/** By replica, what it contributed to each bucket. */
type Contributions = ReadonlyMap<number, readonly WireValues[]>;

interface Pull {
  readonly asker: Endpoint;
  readonly rank: number;
  /** Undefined until the peer has it. */
  readonly find: (peer: Endpoint) => unknown;
  readonly done: (value: unknown) => void;
  served: boolean;
  failed: boolean;
}

/**
 * What workers exchange among themselves, generation by generation, with the rules of the real one: all is pulled; each
 * owns a slice of the sum, which it has once it has got everyone's part; a worker has the sum once it has got all slices.
 * So a worker that dies on the way may leave some with the sum and others without.
 */
export class Network {
  readonly scheduler: Scheduler;
  readonly replicas: number;
  /** A part that a worker does not wait for: the mutant that proves that the simulation would notice. */
  readonly skipsSlowest: boolean;
  readonly #groups = new Map<number, Group>();

  constructor(scheduler: Scheduler, replicas: number, skipsSlowest = false) {
    this.scheduler = scheduler;
    this.replicas = replicas;
    this.skipsSlowest = skipsSlowest;
  }

  enter(generation: number, members: readonly PeerMember[], rank: number, process: Process, events: PeerEvents) {
    let group = this.#groups.get(generation);
    if (group === undefined) {
      group = new Group(this, members);
      this.#groups.set(generation, group);
    }
    return group.enter(rank, process, events);
  }

  /** Something on the way between `process` and one of its peers breaks. */
  breakLink(process: Process): void {
    const groups = [...this.#groups.values()].reverse();
    for (const group of groups) {
      for (const endpoint of group.endpoints.values()) {
        if (endpoint.process !== process || !endpoint.isThere) continue;
        const peers = group.members.filter(({ rank }) => rank !== endpoint.rank);
        const peer = peers[this.scheduler.random.below(Math.max(1, peers.length))];
        if (peer !== undefined) endpoint.fail(peer.workerId, 'sends what is wrong');
        return;
      }
    }
  }

  /** Connections of a process that died are closed. */
  died(process: Process): void {
    for (const group of this.#groups.values()) group.died(process);
  }
}

class Group {
  readonly network: Network;
  readonly members: readonly PeerMember[];
  readonly endpoints = new Map<number, Endpoint>();
  readonly #pulls = new Set<Pull>();

  constructor(network: Network, members: readonly PeerMember[]) {
    this.network = network;
    this.members = members;
  }

  enter(rank: number, process: Process, events: PeerEvents): Endpoint {
    const endpoint = new Endpoint(this, rank, process, events);
    this.endpoints.set(rank, endpoint);
    this.poll();
    endpoint.greet();
    return endpoint;
  }

  died(process: Process): void {
    for (const [rank, endpoint] of this.endpoints) if (endpoint.process === process) this.#lost(rank);
  }

  left(rank: number): void {
    for (const pull of this.#pulls) if (pull.asker.rank === rank) this.#pulls.delete(pull);
    this.#lost(rank);
  }

  pull(asker: Endpoint, rank: number, find: Pull['find'], done: Pull['done']): void {
    const pull: Pull = { asker, rank, find, done, served: false, failed: false };
    this.#pulls.add(pull);
    const { scheduler } = this.network;
    const watch = () => {
      if (!this.#pulls.has(pull)) return;
      const peer = this.endpoints.get(rank);
      if (peer !== undefined && peer.process.frozenUntil > scheduler.now) this.#fail(pull, 'is silent');
      else scheduler.after(SEGMENT_TIMEOUT_MS, asker.process, watch);
    };
    scheduler.after(SEGMENT_TIMEOUT_MS, asker.process, watch);
    const peer = this.endpoints.get(rank);
    if (peer !== undefined && !peer.isThere) this.#fail(pull, 'is gone');
    else this.poll();
  }

  /** Whatever peers have by now is on its way to those that asked. */
  poll(): void {
    const { scheduler } = this.network;
    const delay = () => scheduler.random.uniform(0, scheduler.random.below(12) === 0 ? 40 : 3);
    for (const pull of this.#pulls) {
      const peer = this.endpoints.get(pull.rank);
      if (pull.served || peer === undefined || !peer.isThere || pull.find(peer) === undefined) continue;
      pull.served = true;
      scheduler.after(delay(), peer.process, () => {
        if (!peer.isThere) return;
        const value = pull.find(peer);
        if (value === undefined) return;
        scheduler.after(delay(), pull.asker.process, () => {
          if (this.#pulls.delete(pull) && !pull.asker.isOver) pull.done(value);
        });
      });
    }
  }

  #lost(rank: number): void {
    for (const pull of this.#pulls) if (pull.rank === rank) this.#fail(pull, 'is gone');
  }

  #fail(pull: Pull, what: string): void {
    if (pull.failed) return;
    pull.failed = true;
    const { scheduler } = this.network;
    scheduler.after(scheduler.random.uniform(0, 80), pull.asker.process, () => {
      if (!this.#pulls.delete(pull) || pull.asker.isOver) return;
      pull.asker.fail(at(this.members, pull.rank).workerId, what);
    });
  }
}

/** A worker's side of one generation. */
export class Endpoint {
  readonly rank: number;
  readonly process: Process;
  readonly #group: Group;
  readonly #events: PeerEvents;
  readonly #parts = new Map<number, Map<number, WireValues[]>>();
  readonly #slices = new Map<number, Contributions>();
  readonly #offers = new Map<number, readonly NamedBytes[]>();
  isOver = false;

  constructor(group: Group, rank: number, process: Process, events: PeerEvents) {
    this.#group = group;
    this.rank = rank;
    this.process = process;
    this.#events = events;
  }

  get isThere(): boolean {
    return this.process.alive && !this.isOver;
  }

  /** Everyone must be there before anything is summed. */
  greet(): void {
    this.#pullFrom(
      this.#others(),
      () => true,
      () => this.#events.ready(),
    );
  }

  leave(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#group.left(this.rank);
  }

  fail(workerId: string, what: string): void {
    if (this.isOver) return;
    const details = { workerId };
    this.#events.failed(new LockstepError('collective/timeout', `worker ${workerId} ${what}`, { details }));
  }

  offer(version: number, entries: readonly NamedBytes[]): void {
    this.#offers.set(version, entries);
    this.#group.poll();
  }

  take(version: number, ranks: readonly number[]): void {
    this.#pullFrom(
      ranks,
      (peer) => peer.#offers.get(version),
      (offers) => {
        const [first, ...others] = offers as (readonly NamedBytes[])[];
        for (const other of others) assert.deepEqual(other, first, 'all donors offer the same');
        this.#events.taken(first ?? []);
      },
    );
  }

  contribute(step: number, replica: number, bucket: number, values: WireValues): void {
    const { start, end } = at(this.#group.members, this.rank).replicas;
    const parts = this.#parts.get(step) ?? new Map<number, WireValues[]>();
    this.#parts.set(step, parts);
    const buckets = parts.get(replica) ?? [];
    parts.set(replica, buckets);
    assert.ok(buckets[bucket] === undefined, `bucket ${bucket} of replica ${replica} in step ${step} twice`);
    buckets[bucket] = values;
    const isWhole = parts.size === end - start && [...parts.values()].every(({ length }) => length === BUCKETS);
    if (!isWhole) return;
    this.#group.poll();
    this.#reduce(step);
  }

  #reduce(step: number): void {
    const own = this.#whole(step) ?? new Map();
    const others = this.#others();
    const asked = this.#group.network.skipsSlowest ? others.slice(1) : others;
    this.#pullFrom(
      asked,
      (peer) => peer.#whole(step),
      (parts) => {
        this.#slices.set(step, new Map([...own, ...(parts as Contributions[]).flatMap((part) => [...part])]));
        this.#slices.delete(step - 2);
        this.#group.poll();
        this.#pullFrom(
          asked,
          (peer) => peer.#slices.get(step),
          () => this.#complete(step),
        );
      },
    );
  }

  #complete(step: number): void {
    const parts = this.#slices.get(step) ?? new Map<number, WireValues[]>();
    const replicas = [...parts.keys()].sort((a, b) => a - b);
    const due = Array.from({ length: this.#group.network.replicas }, (_, replica) => replica);
    assert.deepEqual(replicas, due, `step ${step} sums each replica once`);
    this.#offers.clear();
    const sums = Array.from({ length: BUCKETS }, (_, bucket) => {
      const all = replicas.map((replica) => at(parts.get(replica) ?? [], bucket));
      return Float32Array.from(at(all, 0), (_value, index) => all.reduce((sum, values) => sum + at(values, index), 0));
    });
    this.#events.reduced(step, sums);
  }

  #whole(step: number): Contributions | undefined {
    const { start, end } = at(this.#group.members, this.rank).replicas;
    const parts = this.#parts.get(step);
    const isWhole = parts?.size === end - start && [...parts.values()].every(({ length }) => length === BUCKETS);
    return isWhole ? parts : undefined;
  }

  #others(): number[] {
    return this.#group.members.map(({ rank }) => rank).filter((rank) => rank !== this.rank);
  }

  #pullFrom(ranks: readonly number[], find: (peer: Endpoint) => unknown, done: (values: unknown[]) => void): void {
    const values: unknown[] = ranks.map(() => undefined);
    let missing = ranks.length;
    if (missing === 0) done([]);
    for (const [index, rank] of ranks.entries()) {
      this.#group.pull(this, rank, find, (value) => {
        values[index] = value;
        if (--missing === 0) done(values);
      });
    }
  }
}
