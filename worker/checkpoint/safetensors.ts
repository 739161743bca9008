/** Values under a name; row-major. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The longest header that the format allows. */
const MAX_HEADER_BYTES = 100_000_000;

const PREFIX_BYTES = 8;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [start: number, end: number];
}

/**
 * A safetensors file: the header's length as 8 bytes, the header as JSON, then all values, little-endian and row-major,
 * without gaps. Metadata are texts.
 */
export function writeSafetensors(
  arrays: readonly NamedArray[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const entries = arrays.map(({ name, shape, values }) => {
    const start = offset;
    offset += values.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [start, offset] }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // Values begin at a multiple of 8, as the format's own writer has it.
  const header = Buffer.from(
    json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length),
  );
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeBigUInt64LE(BigInt(header.length));
  const values = arrays.map((array) =>
    Buffer.from(array.values.buffer, array.values.byteOffset, array.values.byteLength),
  );
  return Buffer.concat([prefix, header, ...values]);
}

/** In the order of the values. @throws Error that says what is torn, altered or not supported */
export function readSafetensors(bytes: Uint8Array): {
  readonly arrays: NamedArray[];
  readonly metadata: Readonly<Record<string, string>>;
} {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = file.length < PREFIX_BYTES ? Number.NaN : Number(file.readBigUInt64LE(0));
  if (!(length <= MAX_HEADER_BYTES && PREFIX_BYTES + length <= file.length)) {
    throw new Error(`its header of ${length} bytes does not fit in its ${file.length} bytes: torn or altered`);
  }
  const { header, metadata } = parseHeader(file.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + length));
  const data = file.subarray(PREFIX_BYTES + length);
  const entries = header.sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1]);
  let expected = 0;
  const arrays = entries.map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [start, end],
      },
    ]) => {
      if (dtype !== 'F32') throw new Error(`its tensor ${name} is of type ${dtype}; only F32 can be loaded`);
      const size = 4 * shape.reduce((product, axis) => product * axis, 1);
      if (start !== expected || end - start !== size) {
        throw new Error(
          `its tensor ${name} [${shape}] has bytes ${start} to ${end} instead of ${expected} to ${expected + size}`,
        );
      }
      expected = end;
      // A copy, because a view needs a 4-byte-aligned start; Buffer's own slice would make none.
      return {
        name,
        shape,
        values: new Float32Array(
          new Uint8Array(data.subarray(start, end)).buffer,
          0,
          Math.floor(Math.max(0, Math.min(end, data.length) - start) / 4),
        ),
      };
    },
  );
  if (expected !== data.length)
    throw new Error(`it has ${data.length} bytes of values instead of ${expected}: torn or altered`);
  return { arrays, metadata };
}

function parseHeader(text: string): { header: [string, Entry][]; metadata: Readonly<Record<string, string>> } {
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Error('its header is not JSON: torn or altered');
  }
  const { __metadata__: metadata, ...entries } = header;
  const described = Object.entries(entries).map(([name, entry]) => {
    if (!isEntry(entry)) throw new Error(`its header describes tensor ${name} in another form than the format has`);
    return [name, entry] as [string, Entry];
  });
  return { header: described, metadata: (metadata ?? {}) as Readonly<Record<string, string>> };
}

function isEntry(value: unknown): value is Entry {
  const { dtype, shape, data_offsets } = value as Partial<Entry>;
  const areSizes = (list: unknown): boolean =>
    Array.isArray(list) && list.every((item) => Number.isSafeInteger(item) && item >= 0);
  return typeof dtype === 'string' && areSizes(shape) && areSizes(data_offsets) && data_offsets?.length === 2;
}
