import { crc32 } from 'node:zlib';
import { at, invariant, LockstepError, splitEvenly } from '../../shared/core/index.ts';
import type { ChunkRequest, PeerLinks } from './transport.ts';
import { valueBytes, valuesOver, type WireFormat, type WireValues } from './wire-format.ts';

/** What an item is for, its number among those, and the round or version of all of them. */
export interface ItemKey {
  readonly purpose: 'collective' | 'state' | 'probe';
  readonly round: number;
  readonly item: number;
}

/** Length and checksum of an item, asked for before its content: two words each. */
export const headerBytes = 16;
/** Segments name their place in an item in 32 bits. */
const maxItemBytes = 2 ** 32 - 4;
/** As requests carry them: the purpose's header, then its content. */
const purposes = ['collective', 'state', 'probe'] as const;

interface Item {
  readonly header: WireValues;
  readonly content: WireValues;
}

export interface ShelfOptions {
  readonly rank: number;
  readonly generation: number;
  readonly wire: WireFormat;
  /** None for a worker that is alone. */
  readonly links: PeerLinks | undefined;
}

/**
 * Bytes that ranks of a generation offer each other under keys; who asks before they are offered waits. Requests to one
 * peer are answered in order, those of a reduction also: all ranks exchange at the same point of their work.
 */
export class Shelf {
  readonly #options: ShelfOptions;
  readonly #items = new Map<string, Item>();
  readonly #waiters = new Map<string, { resolve(item: Item): void; reject(error: LockstepError): void }[]>();
  #failure: LockstepError | undefined;

  constructor(options: ShelfOptions) {
    this.#options = options;
  }

  /** Lets peers fetch `bytes`, which stay as they are until they are withdrawn. */
  offer(key: ItemKey, bytes: Uint8Array): void {
    const { wire } = this.#options;
    const name = nameOf(key);
    invariant(!this.#items.has(name), `${name} is offered once`);
    invariant(bytes.length <= maxItemBytes, `${name} has ${bytes.length} bytes, at most ${maxItemBytes}`);
    const header = new DataView(new ArrayBuffer(headerBytes));
    header.setUint32(0, bytes.length, true);
    header.setUint32(4, crc32(bytes), true);
    const item = {
      header: valuesOver(new Uint8Array(header.buffer), wire),
      content: valuesOver(wholeWords(bytes), wire),
    };
    this.#items.set(name, item);
    for (const { resolve } of this.#waiters.get(name) ?? []) resolve(item);
    this.#waiters.delete(name);
  }

  withdraw(key: ItemKey): void {
    this.#items.delete(nameOf(key));
  }

  /**
   * An item's bytes from one peer, or in equal parts from several that offer the same.
   * @throws LockstepError collective/corrupt if they offer different ones or the sum of the parts is not what they
   * promised; what a pull throws
   */
  async fetch(key: ItemKey, ranks: readonly number[]): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure;
    const headers = await Promise.all(ranks.map((rank) => this.#header(key, rank)));
    const { length, checksum } = at(headers, 0);
    const odd = headers.findIndex((header) => header.length !== length || header.checksum !== checksum);
    if (odd >= 0)
      throw this.#corrupt(`${nameOf(key)} of rank ${ranks[odd]} is another one than that of rank ${ranks[0]}`);
    if (length > maxItemBytes) throw this.#corrupt(`${nameOf(key)} of rank ${ranks[0]} has ${length} bytes`);
    const words = new Uint8Array(Math.ceil(length / 4) * 4);
    const parts = splitEvenly(words.length / 4, ranks.length);
    await Promise.all(
      parts.map(({ start, end }, index) => this.pull(key, at(ranks, index), words, { start: 4 * start, end: 4 * end })),
    );
    const bytes = words.subarray(0, length);
    if (crc32(bytes) === checksum) return bytes;
    throw this.#corrupt(`${nameOf(key)} from ${ranksText(ranks)} fails its checksum over ${length} bytes`);
  }

  /** @throws LockstepError collective/corrupt for a place that the item doesn't have */
  read(request: ChunkRequest, start: number, end: number): WireValues | Promise<WireValues> {
    if (this.#failure !== undefined) throw this.#failure;
    const purpose = purposes[request.node.start >> 1];
    if (purpose === undefined)
      throw this.#corrupt(`a peer asked for purpose ${request.node.start >> 1}, which is none`);
    const name = nameOf({ purpose, round: request.step, item: request.bucket });
    const part = (item: Item): WireValues => {
      const values = request.node.start % 2 === 0 ? item.header : item.content;
      if (start <= end && end <= values.length) return values.subarray(start, end);
      throw this.#corrupt(`a peer asked for values ${start}–${end} of ${name}, which has ${values.length}`);
    };
    const item = this.#items.get(name);
    if (item !== undefined) return part(item);
    return new Promise<Item>((resolve, reject) => {
      const waiting = this.#waiters.get(name) ?? [];
      this.#waiters.set(name, [...waiting, { resolve, reject }]);
    }).then(part);
  }

  /** Ends all waits. */
  fail(error: LockstepError): void {
    this.#failure ??= error;
    for (const { reject } of [...this.#waiters.values()].flat()) reject(this.#failure);
    this.#waiters.clear();
    this.#items.clear();
  }

  async #header(key: ItemKey, rank: number): Promise<{ length: number; checksum: number }> {
    const header = new Uint8Array(headerBytes);
    await this.pull(key, rank, header, { start: 0, end: headerBytes }, 'header');
    const view = new DataView(header.buffer);
    return { length: view.getUint32(0, true), checksum: view.getUint32(4, true) };
  }

  /** Bytes [start, end) of an item into their place in `target`, which are not compared with the item's checksum. */
  async pull(
    { purpose, round, item }: ItemKey,
    rank: number,
    target: Uint8Array,
    { start, end }: { readonly start: number; readonly end: number },
    part: 'header' | 'content' = 'content',
  ): Promise<void> {
    const { links, wire } = this.#options;
    if (start === end) return;
    invariant(links !== undefined, 'a worker that is alone fetches nothing');
    const size = valueBytes[wire];
    const values = valuesOver(target, wire);
    const node = purposes.indexOf(purpose) * 2 + (part === 'header' ? 0 : 1);
    await links.pull(
      rank,
      {
        step: round,
        bucket: item,
        stage: 'shelf',
        node: { start: node, end: node + 1 },
        start: start / size,
        end: end / size,
      },
      (first, sent) => {
        if (sent.buffer !== target.buffer) values.set(sent, first);
        links.recycle(sent);
      },
      (first, last) => values.subarray(first, last),
    );
  }

  #corrupt(what: string): LockstepError {
    const { rank, generation } = this.#options;
    return new LockstepError('collective/corrupt', `rank ${rank}: ${what} (generation ${generation})`, {
      action: 'rejoin',
    });
  }
}

function nameOf({ purpose, round, item }: ItemKey): string {
  return `item ${item} of ${purpose} round ${round}`;
}

function ranksText(ranks: readonly number[]): string {
  return `${ranks.length === 1 ? 'rank' : 'ranks'} ${ranks.join(', ')}`;
}

/** The same bytes, or a copy that ends and starts at multiples of four. */
function wholeWords(bytes: Uint8Array): Uint8Array {
  if (bytes.byteOffset % 4 === 0 && bytes.length % 4 === 0) return bytes;
  const words = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  words.set(bytes);
  return words;
}
