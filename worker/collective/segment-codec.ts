import { crc32 } from 'node:zlib';
import { invariant, LockstepError } from '../../shared/core/index.ts';
import type { OutgoingMessage } from '../../shared/rpc/index.ts';
import { valueBytes, valuesOver, type WireFormat, type WireValues } from './wire-format.ts';

/** What a segment says about its payload; see peer.proto. */
export interface SegmentHeader {
  readonly generation: number;
  readonly step: number;
  readonly bucket: number;
  readonly stage: number;
  /** First byte of the payload in the bucket. */
  readonly offset: number;
}

export interface Segment extends SegmentHeader {
  /** Belongs to the receiver: a view on the received bytes where those are aligned, else a copy. */
  readonly payload: WireValues;
  /** Where the payload is, if it is in shared memory; `payload` is empty then. */
  readonly shared: SharedPayload | undefined;
  /** Values that the payload stands for with their zeros left out (sparse-values.ts); `payload` is empty then. */
  readonly sparse: SparsePayload | undefined;
}

export interface SparsePayload {
  readonly values: number;
  readonly entries: Uint8Array;
}

/** A payload in shared memory. */
export interface SharedPayload {
  readonly byteLength: number;
  /** How many came before it on this stream. */
  readonly number: number;
  readonly checksum: number;
}

invariant(new Uint8Array(new Uint16Array([1]).buffer)[0] === 1, 'payloads are little-endian in memory');

/** Five header fields and the checksum, each a tag byte and four bytes. */
const fixedBytes = 6 * 5;
const sparseTag = (9 << 3) | 5;
const paddingTag = (14 << 3) | 2;
const payloadTag = (15 << 3) | 2;

/**
 * gRPC puts five bytes before a message, at the start of a buffer that is 8-byte-aligned: with 3 + 4k bytes before
 * the payload its values are aligned where they arrive.
 */
const alignment = 3;

/**
 * Protobuf's encoding of a Segment, written where it is sent from: one copy of the values and no allocation.
 * The values must not change until then.
 */
export function segmentMessage(header: SegmentHeader, values: WireValues): OutgoingMessage {
  return message(header, values, 0);
}

/** A Segment of `values` values whose zeros are left out: `toSparse` gave the entries. */
export function sparseSegmentMessage(header: SegmentHeader, entries: Uint32Array, values: number): OutgoingMessage {
  return message(header, entries, values);
}

function message(header: SegmentHeader, values: WireValues | Uint32Array, sparse: number): OutgoingMessage {
  const payload = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const unpadded = fixedBytes + (sparse === 0 ? 0 : 5) + 1 + varintBytes(payload.length);
  const padded = unpadded % 4 !== alignment;
  const padding = padded ? (alignment + 8 - ((unpadded + 2) % 4)) % 4 : 0;
  const payloadStart = unpadded + (padded ? 2 + padding : 0);
  return {
    byteLength: payloadStart + payload.length,
    writeTo(target, offset) {
      const fixed = [header.generation, header.step, header.bucket, header.stage, header.offset, crc32(payload)];
      let at = writeFixed(target, fixed, offset);
      if (sparse !== 0) {
        target[at] = sparseTag;
        at = target.writeUInt32LE(sparse, at + 1);
      }
      if (padded) {
        target[at] = paddingTag;
        target[at + 1] = padding;
        target.fill(0, at + 2, at + 2 + padding);
        at += 2 + padding;
      }
      target[at] = payloadTag;
      target.set(payload, writeVarint(target, payload.length, at + 1));
    },
  };
}

/** A Segment whose payload lies in shared memory. */
export function sharedSegmentMessage(header: SegmentHeader, payload: SharedPayload): OutgoingMessage {
  const { generation, step, bucket, stage, offset } = header;
  const fixed = [generation, step, bucket, stage, offset, payload.checksum, payload.byteLength, payload.number];
  return {
    byteLength: 5 * fixed.length,
    writeTo(target, offset) {
      writeFixed(target, fixed, offset);
    },
  };
}

/**
 * Reads any valid encoding of a Segment and checks all of it.
 * @param wire what the payload is a row of
 * @param peer who sent it, for the message
 * @throws LockstepError collective/corrupt
 */
export function decodeSegment(bytes: Uint8Array, wire: WireFormat, peer: string): Segment {
  const { fixed, payload } = readFields(bytes, peer);
  const [generation, step, bucket, stage, offset, expected, sharedBytes, number, sparseValues] = fixed;
  const shared = sharedBytes === 0 ? undefined : { byteLength: sharedBytes, number, checksum: expected };
  if (sparseValues !== 0 && (shared !== undefined || wire !== 'float32'))
    throw corrupt(
      peer,
      bytes,
      `${sparseValues} sparse values of ${wire}${shared === undefined ? '' : ' in shared memory'}`,
    );
  const sparse = sparseValues === 0 ? undefined : { values: sparseValues, entries: payload };
  const size = shared?.byteLength ?? payload.length;
  if (size % valueBytes[wire] !== 0)
    throw corrupt(peer, bytes, `a payload of ${size} bytes is no row of ${wire} values`);
  if (shared !== undefined && payload.length > 0) throw corrupt(peer, bytes, 'payloads in it and in shared memory');
  const actual = shared === undefined ? crc32(payload) : expected;
  if (actual !== expected) {
    throw corrupt(
      peer,
      bytes,
      `checksum 0x${hex(actual)} of ${payload.length} bytes, 0x${hex(expected)} expected ` +
        `(generation ${generation}, step ${step}, bucket ${bucket}, byte ${offset})`,
    );
  }
  const values = valuesOver(sparse === undefined ? aligned(payload, wire) : new Uint8Array(), wire);
  return { generation, step, bucket, stage, offset, shared, sparse, payload: values };
}

type Fixed = [number, number, number, number, number, number, number, number, number];

function readFields(bytes: Uint8Array, peer: string): { fixed: Fixed; payload: Uint8Array } {
  const fixed: Fixed = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  let payload = bytes.subarray(0, 0);
  const seen = new Set<number>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] as number;
    at++;
    if (seen.has(tag)) throw corrupt(peer, bytes, `field ${tag >> 3} comes twice`);
    seen.add(tag);
    if (tag === payloadTag || tag === paddingTag) {
      const { value, next } = readVarint(bytes, at, peer);
      if (value > bytes.length - next) {
        throw corrupt(peer, bytes, `field ${tag >> 3} of ${value} bytes in a message with ${bytes.length - next} left`);
      }
      at = next + value;
      if (tag === payloadTag) payload = bytes.subarray(next, at);
      else if (value > 3) throw corrupt(peer, bytes, `${value} bytes of padding, at most 3 expected`);
    } else if ((tag & 7) === 5 && tag >> 3 >= 1 && tag <= sparseTag) {
      if (at + 4 > bytes.length) throw corrupt(peer, bytes, `it ends inside field ${tag >> 3}`);
      fixed[(tag >> 3) - 1] = view.getUint32(at, true);
      at += 4;
    } else {
      throw corrupt(peer, bytes, `unknown field tag ${tag}`);
    }
  }
  return { fixed, payload };
}

/** A copy only where a sender's encoding left the payload unaligned: the one above never does. */
function aligned(payload: Uint8Array, wire: WireFormat): Uint8Array {
  return payload.byteOffset % valueBytes[wire] === 0 ? payload : new Uint8Array(payload);
}

/** Fields 1, 2, … as fixed32. Returns where they end. */
function writeFixed(target: Buffer, fixed: readonly number[], start: number): number {
  let at = start;
  for (const [index, value] of fixed.entries()) {
    target[at] = ((index + 1) << 3) | 5;
    at = target.writeUInt32LE(value, at + 1);
  }
  return at;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeVarint(bytes: Buffer, value: number, start: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 128;
  bytes[at++] = rest;
  return at;
}

function readVarint(bytes: Uint8Array, start: number, peer: string): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) throw corrupt(peer, bytes, 'it ends inside a length');
    value += (byte % 128) * 128 ** index;
    if (byte < 128) return { value, next: start + index + 1 };
  }
  throw corrupt(peer, bytes, 'a length of more than 5 bytes');
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function corrupt(peer: string, bytes: Uint8Array, reason: string): LockstepError {
  return new LockstepError('collective/corrupt', `${peer} sent a corrupt segment of ${bytes.length} bytes: ${reason}`, {
    details: { peer, bytes: bytes.length },
    action: 'rejoin',
  });
}
