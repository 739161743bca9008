import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '../../../shared/core/index.ts';
import type { BatchValues, DatasetDescription, JsonLinesOptions } from '../../../shared/job/index.ts';
import { DataFile, type FileNeeds, findDirectory } from '../files/data-files.ts';
import type { LooseInput, OpenContext, Source } from '../source.ts';
import { classNumbers } from '../tables/class-numbers.ts';
import { type JsonField, JsonFields } from '../tables/json-fields.ts';
import { readLines } from '../tables/lines.ts';
import { RecordIndex } from '../tables/record-index.ts';

/**
 * A JSON object a line. The file is read once to find its lines and to check every one of them; samples are read at
 * their place.
 * @throws LockstepError data/missing, data/corrupt, data/empty
 */
export async function openJsonLines(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const options = description.options as unknown as JsonLinesOptions;
  const needs: FileNeeds = { name: 'these JSON lines', contents: options.file };
  const file = new DataFile(join(findDirectory(description.location, context.directory, needs), options.file), needs);
  try {
    return await indexFile(file, options);
  } catch (error) {
    file.close();
    throw error;
  }
}

async function indexFile(file: DataFile, options: JsonLinesOptions): Promise<Source> {
  const records = new RecordIndex();
  let fields: JsonFields | undefined;
  const stream = createReadStream(file.path, { highWaterMark: 1 << 18 });
  for await (const { bytes, start, line } of readLines(stream)) {
    if (isBlank(bytes)) continue;
    try {
      const object = parseObject(bytes);
      fields ??= new JsonFields(options, options.classes === null ? undefined : classNumbers(options.classes), object);
      fields.check(object);
    } catch (error) {
      if (error instanceof LockstepError) throw error;
      throw new LockstepError('data/corrupt', `${file.path} line ${line}: ${(error as Error).message}`, {
        details: { file: file.path, line },
        cause: error,
      });
    }
    records.add(start, start + bytes.length);
  }
  if (fields === undefined) throw new LockstepError('data/empty', `${file.path} holds no lines`);
  return sourceOf(file, records, fields);
}

function sourceOf(file: DataFile, records: RecordIndex, fields: JsonFields): Source {
  const object = (index: number): Record<string, unknown> => parseObject(records.read(file, index));
  const { text, sequence, inputs, targets } = fields;
  const loose = looseInput(text, sequence, object);
  const write = (into: readonly BatchValues[], from: readonly JsonField[], value: Record<string, unknown>): void => {
    for (const [place, view] of into.entries()) from[place]?.write(value, view);
  };
  return {
    size: records.size,
    inputs: inputs.map(({ shape }) => ({ shape, dtype: 'float32' })),
    targets: targets.map(({ shape }) => ({ shape, dtype: 'float32' })),
    ...(loose === undefined ? {} : { loose }),
    read(index, inputViews, targetViews) {
      const value = object(index);
      write(inputViews, inputs, value);
      write(targetViews, targets, value);
    },
    close: () => file.close(),
  };
}

function looseInput(
  text: string | null,
  sequence: string | null,
  object: (index: number) => Record<string, unknown>,
): LooseInput | undefined {
  if (text !== null) return { kind: 'text', read: (index) => object(index)[text] as string };
  if (sequence !== null) return { kind: 'sequence', read: (index) => object(index)[sequence] as number[] };
  return undefined;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** @throws Error with what is wrong */
function parseObject(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`expected an object { … }, got ${Array.isArray(value) ? 'an array' : JSON.stringify(value)}`);
}
