import { crc32 } from 'node:zlib';

/** One record: CRC-32 (IEEE 802.3) of the JSON's UTF-8 bytes as 8 hex digits, a space, the JSON, a line feed. */
export function encodeLine(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from('\n')]);
}

export type Decoded =
  | {
      readonly kind: 'records';
      readonly records: readonly unknown[] /** Bytes of whole, good records. */;
      readonly length: number;
    }
  | { readonly kind: 'corrupt'; readonly offset: number; readonly line: number };

const LINE_FEED = 0x0a;
const CHECKSUM_LENGTH = 9;

/**
 * Reads records up to the last whole one. A torn tail is what a crash in the middle of a write leaves: the last line
 * has no line feed, or none of the bytes after it form a good record. A bad record with good ones after it is damage.
 */
export function decodeLines(bytes: Buffer): Decoded {
  const records: unknown[] = [];
  let length = 0;
  let bad: { offset: number; line: number } | undefined;
  let line = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end < 0) break;
    line++;
    const value = decodeLine(bytes.subarray(start, end));
    if (value === undefined) {
      bad ??= { offset: start, line };
    } else if (bad !== undefined) {
      return { kind: 'corrupt', ...bad };
    } else {
      records.push(value.json);
      length = end + 1;
    }
    start = end + 1;
  }
  return { kind: 'records', records, length };
}

function decodeLine(line: Buffer): { json: unknown } | undefined {
  const json = line.subarray(CHECKSUM_LENGTH);
  if (line.toString('latin1', 0, CHECKSUM_LENGTH) !== `${checksum(json)} `) return undefined;
  return { json: JSON.parse(json.toString()) };
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}
