import { LockstepError } from '../../shared/core/index.ts';

/** Bytes of one value with its index. */
const entryBytes = 8;
/** A row travels as its other values if at most this share of it is not zero: then that saves half the bytes or more. */
const densest = 1 / 4;

/**
 * A row of floats as those whose bits are not all zero: their indices, then their bits, as uint32 each. No bit is lost.
 * `undefined` where that would save too little to be worth taking it apart.
 */
export function toSparse(values: Float32Array): Uint32Array<ArrayBuffer> | undefined {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const limit = Math.floor(bits.length * densest);
  let count = 0;
  // More than the limit are not counted to the end.
  for (let index = 0; index < bits.length && count <= limit; index++) if (bits[index] !== 0) count++;
  if (count > limit) return undefined;
  const entries = new Uint32Array(2 * count);
  let next = 0;
  for (let index = 0; next < count; index++) {
    const value = bits[index] as number;
    if (value === 0) continue;
    entries[next] = index;
    entries[count + next] = value;
    next++;
  }
  return entries;
}

/**
 * The row of `length` values that `toSparse` took apart.
 * @param peer who sent it, for the message
 * @throws LockstepError collective/corrupt for what it never gives
 */
export function fromSparse(entries: Uint8Array, length: number, peer: string): Float32Array<ArrayBuffer> {
  const count = entries.length / entryBytes;
  if (!Number.isInteger(count) || count > length) throw corrupt(peer, `${entries.length} bytes for ${length} values`);
  const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
  const values = new Float32Array(length);
  const bits = new Uint32Array(values.buffer);
  let before = -1;
  for (let entry = 0; entry < count; entry++) {
    const index = view.getUint32(4 * entry, true);
    if (index <= before || index >= length) throw corrupt(peer, `index ${index} after ${before} of ${length} values`);
    bits[index] = view.getUint32(4 * (count + entry), true);
    before = index;
  }
  return values;
}

function corrupt(peer: string, what: string): LockstepError {
  return new LockstepError('collective/corrupt', `${peer} sent a corrupt sparse segment: ${what}`, {
    details: { peer },
    action: 'rejoin',
  });
}
