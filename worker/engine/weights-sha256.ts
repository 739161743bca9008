import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import type { NamedWeight } from './engine.ts';

/** SHA-256, in hexadecimal, over the float32 little-endian bytes of all weights in their order. */
export function weightsSha256(weights: readonly NamedWeight[]): string {
  const hash = createHash('sha256');
  for (const { values } of weights) {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    hash.update(endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32());
  }
  return hash.digest('hex');
}
