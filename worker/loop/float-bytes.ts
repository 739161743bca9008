/** Pairs of bytes as whole numbers in float32, which sums with zeros leave as they are. */
export function toFloats(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(Math.ceil(bytes.length / 2));
  for (let index = 0; index < floats.length; index++) {
    floats[index] = (bytes[2 * index] ?? 0) + 256 * (bytes[2 * index + 1] ?? 0);
  }
  return floats;
}

export function fromFloats(floats: Float32Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const pair = floats[index >> 1] ?? 0;
    bytes[index] = index % 2 === 0 ? pair % 256 : Math.floor(pair / 256);
  }
  return bytes;
}

/** A length of up to 2³⁶ as two whole numbers that are exact in float32. */
export function splitLength(length: number): [number, number] {
  return [length % 2 ** 18, Math.floor(length / 2 ** 18)];
}

export function joinLength(low: number, high: number): number {
  return low + high * 2 ** 18;
}
