import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Source } from '../../worker/data/index.ts';

/** An empty directory that goes away with the test, and what writes files into it. */
export interface DataDirectory {
  readonly path: string;
  write(name: string, bytes: Uint8Array): void;
}

export function dataDirectory(t: TestContext): DataDirectory {
  const path = mkdtempSync(join(tmpdir(), 'lockstep-data-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return { path, write: (name, bytes) => writeFileSync(join(path, name), bytes) };
}

export const cifarRecordBytes = 3073;

/** Records with the given labels; pixel p of plane c in record r is (r + p + 7 c) mod 256. */
export function cifarFile(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * cifarRecordBytes);
  for (const [record, label] of labels.entries()) {
    const start = record * cifarRecordBytes;
    bytes[start] = label;
    for (let plane = 0; plane < 3; plane++) {
      for (let pixel = 0; pixel < 1024; pixel++) {
        bytes[start + 1 + plane * 1024 + pixel] = (record + pixel + 7 * plane) % 256;
      }
    }
  }
  return bytes;
}

/** An IDX file of unsigned bytes. */
export function idxFile(dimensions: readonly number[], values: Iterable<number>): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * dimensions.length));
  header.setUint32(0, 0x0800 + dimensions.length);
  for (const [index, size] of dimensions.entries()) header.setUint32(4 + 4 * index, size);
  return Uint8Array.from([...new Uint8Array(header.buffer), ...values]);
}

/** One sample's first input and first target. */
export function readSample(source: Source, index: number): { input: number[]; target: number[] } {
  const allocate = (spec: { readonly shape: readonly number[] }): Float32Array =>
    new Float32Array(spec.shape.reduce((product, size) => product * size, 1)).fill(Number.NaN);
  const inputs = source.inputs.map(allocate);
  const targets = source.targets.map(allocate);
  source.read(index, inputs, targets);
  return { input: [...(inputs[0] ?? [])], target: [...(targets[0] ?? [])] };
}
