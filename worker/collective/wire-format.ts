/** What a value is on the wire. Positions are counted in values; bytes on the wire are values × `valueBytes`. */
export type WireFormat = 'float32' | 'bfloat16';

/** Values in a wire format: floats, or the upper halves of floats as a Uint16Array. */
export type WireValues = Float32Array | Uint16Array;

export const valueBytes: Readonly<Record<WireFormat, number>> = { float32: 4, bfloat16: 2 };

/** Row of values over `bytes`, without a copy: they are aligned for the format. */
export function valuesOver(bytes: Uint8Array, wire: WireFormat): WireValues {
  const { buffer, byteOffset, byteLength } = bytes;
  return wire === 'float32'
    ? new Float32Array(buffer, byteOffset, byteLength / valueBytes.float32)
    : new Uint16Array(buffer, byteOffset, byteLength / valueBytes.bfloat16);
}
