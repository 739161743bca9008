export { crc32c, maskedCrc32c } from './crc32c.ts';
export { EventFile, encodeRecord } from './event-file.ts';
