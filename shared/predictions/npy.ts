const ALIGNMENT = 64;

/**
 * The header of a NumPy file (format 1.0) of little-endian float32 values in C order, which follow it.
 * Layout: numpy.lib.format's documentation.
 */
export function npyHeader(shape: readonly number[]): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const prefix = 10;
  const length = Math.ceil((prefix + description.length + 1) / ALIGNMENT) * ALIGNMENT - prefix;
  const header = Buffer.alloc(prefix + length);
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(length, 8);
  header.write(`${description.padEnd(length - 1)}\n`, prefix, 'latin1');
  return header;
}
