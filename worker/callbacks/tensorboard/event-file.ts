import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { tensorflow } from '../../../proto/generated/tensorflow.js';
import { maskedCrc32c } from './crc32c.ts';

/** TensorBoard takes files of this version alone. */
const FILE_VERSION = 'brain.Event:2';

export interface Scalars {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** A TensorBoard event file of scalars. What was added is in the file: nothing waits to be flushed. */
export class EventFile {
  readonly path: string;
  readonly #file: number;

  /** @param seconds since 1970; the file's name holds it, and TensorBoard reads files in the order of their names */
  constructor(directory: string, seconds: number) {
    mkdirSync(directory, { recursive: true });
    const time = String(Math.floor(seconds)).padStart(10, '0');
    this.path = join(directory, `events.out.tfevents.${time}.${hostname()}.${process.pid}.0.v2`);
    this.#file = openSync(this.path, 'a');
    this.#write({ wallTime: seconds, step: 0, fileVersion: FILE_VERSION });
  }

  add({ step, values }: Scalars, seconds: number): void {
    const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
    if (value.length > 0) this.#write({ wallTime: seconds, step, summary: { value } });
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(event: tensorflow.IEvent): void {
    writeSync(this.#file, encodeRecord(tensorflow.Event.encode(event).finish()));
  }
}

/** One TFRecord: length (uint64), its masked checksum (uint32), the bytes, their masked checksum; little-endian. */
export function encodeRecord(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + 4 + bytes.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(bytes, 12);
  view.setUint32(12 + bytes.length, maskedCrc32c(bytes), true);
  return record;
}
