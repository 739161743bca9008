import { at, LockstepError, splitEvenly } from '../../shared/core/index.ts';
import type { ItemKey, Shelf } from './shelf.ts';

/** Bytes by name: a weight or an optimizer's slot. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * What a generation's ranks exchange besides sums. `allGather`, `broadcast` and `barrier` are called by all ranks, in
 * the same order, and not while a reduction runs; state is offered by some and taken by whoever needs it. What is
 * fetched has been compared with its checksum. All throw what `Allreduce.result` throws.
 */
export class GroupExchange {
  readonly #shelf: Shelf;
  readonly #rank: number;
  readonly #worldSize: number;
  #round = 0;
  /** Offers that a peer may still fetch. */
  #offered: ItemKey[] = [];
  readonly #states = new Map<number, readonly ItemKey[]>();

  constructor(shelf: Shelf, rank: number, worldSize: number) {
    this.#shelf = shelf;
    this.#rank = rank;
    this.#worldSize = worldSize;
  }

  /** The bytes of each rank, which may be of different lengths. A rank sends its bytes to each other one. */
  async allGather(bytes: Uint8Array): Promise<Uint8Array[]> {
    const round = this.#round++;
    const own = bytes.slice();
    this.#offer(keyOf(round, this.#rank), own);
    const all = await Promise.all(
      this.#ranks().map((rank) =>
        rank === this.#rank ? bytes.slice() : this.#shelf.fetch(keyOf(round, rank), [rank]),
      ),
    );
    this.#forgetBefore(round);
    return all;
  }

  /**
   * The root's bytes on every rank. It sends each rank a slice, and all gather the slices: no rank sends much more than
   * the bytes once, or the root twice.
   * @param bytes the root's; nobody else's are read
   */
  async broadcast(root: number, bytes: Uint8Array = new Uint8Array()): Promise<Uint8Array> {
    const round = this.#round++;
    if (this.#rank === root) {
      const own = bytes.slice();
      for (const [rank, { start, end }] of splitEvenly(own.length, this.#worldSize).entries()) {
        this.#offer(keyOf(round, rank), own.subarray(start, end));
      }
      return own.slice();
    }
    const slice = await this.#shelf.fetch(keyOf(round, this.#rank), [root]);
    this.#offer(keyOf(round, this.#rank), slice);
    const slices = this.#ranks().map((rank) =>
      rank === this.#rank ? slice : this.#shelf.fetch(keyOf(round, rank), [rank]),
    );
    const all = await Promise.all(slices);
    this.#forgetBefore(round);
    return concatenate(all);
  }

  /** Resolves when every rank is there. */
  async barrier(): Promise<void> {
    await this.allGather(new Uint8Array(4));
  }

  /**
   * Lets others take `entries`: weights, optimizer slots. The bytes stay as they are until `withdrawState`.
   * @param version what the state is of, for example its step
   */
  offerState(version: number, entries: readonly NamedBytes[]): void {
    const manifest = entries.map(({ name, bytes }) => ({ name, bytes: bytes.length }));
    const items = [Buffer.from(JSON.stringify(manifest)), ...entries.map(({ bytes }) => bytes)];
    const keys = items.map((_, item): ItemKey => ({ purpose: 'state', round: version, item }));
    this.#states.set(version, keys);
    for (const [item, bytes] of items.entries()) this.#shelf.offer(at(keys, item), bytes);
  }

  withdrawState(version: number): void {
    for (const key of this.#states.get(version) ?? []) this.#shelf.withdraw(key);
    this.#states.delete(version);
  }

  /** The state of `ranks`, of each entry a part from each: several peers send faster than one, and must agree. */
  async takeState(version: number, ranks: readonly number[]): Promise<NamedBytes[]> {
    const take = (item: number) => this.#shelf.fetch({ purpose: 'state', round: version, item }, ranks);
    const manifest = readManifest(await take(0), ranks);
    const entries: NamedBytes[] = [];
    // One after the other: what is in flight is one entry at most.
    for (const [index, { name, bytes: length }] of manifest.entries()) {
      const bytes = await take(index + 1);
      if (bytes.length !== length) throw corrupt(ranks, `${bytes.length} bytes for ${name}, ${length} announced`);
      entries.push({ name, bytes });
    }
    return entries;
  }

  #ranks(): number[] {
    return Array.from({ length: this.#worldSize }, (_, rank) => rank);
  }

  #offer(key: ItemKey, bytes: Uint8Array): void {
    this.#offered.push(key);
    this.#shelf.offer(key, bytes);
  }

  /** Every other rank offered something in `round`: all of them have what they wanted of earlier ones. */
  #forgetBefore(round: number): void {
    for (const key of this.#offered) if (key.round < round) this.#shelf.withdraw(key);
    this.#offered = this.#offered.filter((key) => key.round >= round);
  }
}

function keyOf(round: number, item: number): ItemKey {
  return { purpose: 'collective', round, item };
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function readManifest(bytes: Uint8Array, ranks: readonly number[]): { name: string; bytes: number }[] {
  let manifest: unknown;
  try {
    manifest = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw corrupt(ranks, 'a list of its state that is no JSON');
  }
  const isEntry = (entry: unknown): entry is { name: string; bytes: number } =>
    typeof entry === 'object' &&
    entry !== null &&
    typeof Reflect.get(entry, 'name') === 'string' &&
    Number.isSafeInteger(Reflect.get(entry, 'bytes'));
  if (Array.isArray(manifest) && manifest.every(isEntry)) return manifest;
  throw corrupt(ranks, 'a list of its state that names no entries');
}

function corrupt(ranks: readonly number[], what: string): LockstepError {
  return new LockstepError('collective/corrupt', `rank ${ranks.join(', ')} sent ${what}`, { action: 'rejoin' });
}
