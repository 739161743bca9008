import { createCipheriv, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import type { ByteCounter } from '../../shared/rpc/index.ts';
import type { SharedPayload } from './segment-codec.ts';
import type { WireValues } from './wire-format.ts';

/**
 * Memory that a receiver shares with a sender on the same host: slots in a file that never has a name, so that no
 * death leaves it behind. Payload k of a stream is in slot k modulo `slots`; the sender writes it again only after the
 * receiver said that it took it out. Each payload's checksum is keyed and numbered: what is stale, torn or of another
 * stream does not match.
 */
export interface SharedMemoryOffer {
  readonly pid: number;
  readonly fd: number;
  readonly slots: number;
  readonly slotBytes: number;
  readonly token: Uint8Array;
}

/** Bounds of what a sender accepts: it writes no more than this many bytes at a receiver's word. */
const maxSlots = 64;
const maxSlotBytes = 16 * 1024 * 1024;

const directory = '/dev/shm';
const tokenBytes = 32;
/** Slots begin at a page. */
const pageBytes = 4096;
const zeros = new Uint8Array(16 * pageBytes);
/** Linux's O_TMPFILE, which Node does not name: a file without a name. */
const temporaryFile = 0o20000000 | constants.O_DIRECTORY;

/** The receiver's end. */
export class ReceivingSlots {
  readonly offer: SharedMemoryOffer;
  readonly #counter: ByteCounter;
  #taken = 0;
  #open = true;

  /** Takes no memory yet: the sender allocates the slots if it can use them. @throws Error of the system */
  constructor(slots: number, slotBytes: number, counter: ByteCounter) {
    this.#counter = counter;
    const fd = openSync(directory, constants.O_RDWR | temporaryFile, 0o600);
    try {
      const token = randomBytes(tokenBytes);
      const bytes = roundUp(slotBytes);
      writeAll(fd, token, 0);
      ftruncateSync(fd, positionOf(slots, bytes));
      this.offer = { pid: process.pid, fd, slots, slotBytes: bytes, token };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Payloads that were taken out. */
  get taken(): number {
    return this.#taken;
  }

  /** Copies the next payload out of its slot. Returns its checksum. @throws Error of the system */
  take(into: WireValues): number {
    const { fd, slots, slotBytes, token } = this.offer;
    const bytes = bytesOf(into);
    const position = positionOf(this.#taken % slots, slotBytes);
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(fd, bytes, at, bytes.length - at, position + at);
      if (read === 0) throw new Error(`the file of shared memory ends at byte ${position + at}`);
      at += read;
    }
    this.#counter.received += bytes.length;
    return checksum(token, this.#taken++, bytes);
  }

  /** Idempotent. The memory is free when both ends closed it. */
  close(): void {
    if (this.#open) closeSync(this.offer.fd);
    this.#open = false;
  }
}

/** The sender's end. */
export class SendingSlots {
  readonly slotBytes: number;
  readonly #offer: SharedMemoryOffer;
  readonly #counter: ByteCounter;
  readonly #fd: number;
  #written = 0;
  #taken = 0;
  #open = true;

  private constructor(offer: SharedMemoryOffer, fd: number, counter: ByteCounter) {
    this.#counter = counter;
    this.#offer = offer;
    this.#fd = fd;
    this.slotBytes = offer.slotBytes;
  }

  /**
   * Opens and allocates what a peer offers. `undefined` where it is not there: the peer is on another host, in another
   * container or another user's.
   * @throws Error of the system when there is no memory for it
   */
  static open(offer: SharedMemoryOffer, counter: ByteCounter): SendingSlots | undefined {
    const fd = openOffer(offer);
    if (fd === undefined) return undefined;
    try {
      // Now, so that a file system that is full says so before there is anything to lose.
      const end = positionOf(offer.slots, offer.slotBytes);
      for (let at = pageBytes; at < end; at += zeros.length) writeAll(fd, zeros.subarray(0, end - at), at);
    } catch (error) {
      ftruncateSync(fd, pageBytes);
      closeSync(fd);
      throw error;
    }
    return new SendingSlots(offer, fd, counter);
  }

  /** True when all slots hold payloads that the receiver did not take yet. */
  get full(): boolean {
    return this.#written - this.#taken >= this.#offer.slots;
  }

  /** Copies a payload into the next slot, which must be free. @throws Error of the system */
  put(values: WireValues): SharedPayload {
    const bytes = bytesOf(values);
    const { slots, slotBytes, token } = this.#offer;
    writeAll(this.#fd, bytes, positionOf(this.#written % slots, slotBytes));
    const number = this.#written++;
    this.#counter.sent += bytes.length;
    return { byteLength: bytes.length, number: number >>> 0, checksum: checksum(token, number, bytes) };
  }

  /** The receiver took this many out until now. Returns false for a number that can't be. */
  release(taken: number): boolean {
    if (taken < this.#taken || taken > this.#written) return false;
    this.#taken = taken;
    return true;
  }

  /** Idempotent. */
  close(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }
}

/** What is offered proves to be what the peer means: a nameless file of this user with the token in it. */
function openOffer({ pid, fd: number, slots, slotBytes, token }: SharedMemoryOffer): number | undefined {
  const isBounded = slots >= 2 && slots <= maxSlots && slotBytes >= pageBytes && slotBytes <= maxSlotBytes;
  if (!isBounded || slotBytes % pageBytes !== 0 || token.length !== tokenBytes) return undefined;
  let fd: number | undefined;
  try {
    const path = `/proc/${pid}/fd/${number}`;
    // Looked at before it is opened: opening a device or a pipe could do something.
    const isMeant = (stat: Stats) =>
      stat.isFile() &&
      stat.nlink === 0 &&
      stat.uid === process.geteuid?.() &&
      stat.size === positionOf(slots, slotBytes);
    if (!isMeant(statSync(path))) return undefined;
    fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    const found = Buffer.alloc(tokenBytes);
    readSync(fd, found, 0, tokenBytes, 0);
    if (isMeant(fstatSync(fd)) && found.equals(token)) return fd;
  } catch {
    // No such process, no right to its files: not a peer that memory can be shared with.
  }
  if (fd !== undefined) closeSync(fd);
  return undefined;
}

/**
 * The first four bytes of the payload's Poly1305 tag under the stream's token and the payload's number. Of what Node
 * has without a copy it is the fastest that covers every byte: 10 to 12 GB/s in pieces of 256 KiB and more, where
 * CRC-32 does 4.5 and AES-GCM's 7 to 8.
 */
function checksum(token: Uint8Array, number: number, bytes: Uint8Array): number {
  const nonce = Buffer.alloc(12);
  nonce.writeDoubleLE(number, 4);
  const cipher = createCipheriv('chacha20-poly1305', token, nonce, { authTagLength: 16 });
  // The length is 0: nothing is encrypted.
  cipher.setAAD(bytes, { plaintextLength: 0 });
  cipher.final();
  return cipher.getAuthTag().readUInt32LE(0);
}

function bytesOf({ buffer, byteOffset, byteLength }: WireValues): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function positionOf(slot: number, slotBytes: number): number {
  return pageBytes + slot * slotBytes;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}
