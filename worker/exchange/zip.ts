import { crc32 } from 'node:zlib';
import { unzipSync, zipSync } from 'fflate';

/** A fixed time, the earliest that the format knows: equal content gives equal bytes. */
const MODIFIED = new Date(1980, 0, 1);

/** A zip file with uncompressed entries, which is how Keras writes its own. */
export function writeZip(entries: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return zipSync(entries as Record<string, Uint8Array>, { level: 0, mtime: MODIFIED });
}

/** @throws Error that says what is torn or altered */
export function readZip(bytes: Uint8Array): Record<string, Uint8Array> {
  const entries = unzipSync(bytes);
  // The library does not look at checksums.
  for (const { name, checksum } of directory(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) {
    const content = entries[name];
    if (content !== undefined && crc32(content) !== checksum) throw new Error(`its entry ${name} fails its checksum`);
  }
  return entries;
}

const END_BYTES = 22;
const ENTRY_BYTES = 46;

/** Names and CRC-32 of the entries, from the central directory (PKWARE APPNOTE 4.3.12 and 4.3.16). */
function* directory(file: Buffer): Generator<{ readonly name: string; readonly checksum: number }> {
  const end = file.lastIndexOf('PK\x05\x06', file.length - END_BYTES, 'latin1');
  if (end < 0) throw new Error('its directory is missing at the end: torn');
  const count = file.readUInt16LE(end + 10);
  let at = file.readUInt32LE(end + 16);
  for (let entry = 0; entry < count; entry++) {
    const nameBytes = file.readUInt16LE(at + 28);
    const name = file.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    yield { name, checksum: file.readUInt32LE(at + 16) };
    at += ENTRY_BYTES + nameBytes + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
}
