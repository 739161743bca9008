import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '../../../shared/core/index.ts';
import type { CsvOptions, DatasetDescription } from '../../../shared/job/index.ts';
import { DataFile, type FileNeeds, findDirectory } from '../files/data-files.ts';
import type { OpenContext, Source } from '../source.ts';
import { CsvProblem, type CsvRecord, parseRecord, readRecords } from '../tables/csv-parser.ts';
import { NumericRows } from '../tables/numeric-rows.ts';
import { RecordIndex } from '../tables/record-index.ts';
import { RowFields } from '../tables/row-fields.ts';

/**
 * Separated values. The file is read once from start to end to find its records and to check every one of them; after
 * that, rows of text are read at their place.
 * @throws LockstepError data/missing, data/corrupt, data/empty, job/invalid
 */
export async function openCsv(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const options = description.options as unknown as CsvOptions;
  const needs: FileNeeds = { name: 'this table', contents: options.file };
  const file = new DataFile(join(findDirectory(description.location, context.directory, needs), options.file), needs);
  try {
    return await indexFile(file, options);
  } catch (error) {
    file.close();
    if (!(error instanceof CsvProblem)) throw error;
    throw new LockstepError('data/corrupt', `${file.path} line ${error.line}: ${error.message}`, {
      details: { file: file.path, line: error.line },
      cause: error,
    });
  }
}

async function indexFile(file: DataFile, options: CsvOptions): Promise<Source> {
  const records = new RecordIndex();
  let fields: RowFields | undefined;
  let rows: NumericRows | undefined;
  let end = 0;
  for await (const record of readRecords(createReadStream(file.path, { highWaterMark: 1 << 18 }), options)) {
    const start = end;
    end = record.end;
    if (fields === undefined) {
      fields = new RowFields(file.path, options, record.fields);
      rows = new NumericRows(fields.numbers);
      if (options.header) continue;
    }
    rows?.add(checked(fields, file, record));
    records.add(start, end);
  }
  if (fields === undefined || rows === undefined || records.size === 0) {
    throw new LockstepError('data/empty', `${file.path} holds no rows${options.header ? ' below its header' : ''}`);
  }
  return tableSource(file, options, { records, fields, rows });
}

function checked(fields: RowFields, file: DataFile, { fields: row, line }: CsvRecord): readonly number[] {
  const numbers = fields.read(row);
  if (typeof numbers !== 'string') return numbers;
  throw new LockstepError('data/corrupt', `${file.path} line ${line}: ${numbers}`, {
    details: { file: file.path, line },
  });
}

interface Table {
  readonly records: RecordIndex;
  readonly fields: RowFields;
  readonly rows: NumericRows;
}

function tableSource(file: DataFile, options: CsvOptions, { records, fields, rows }: Table): Source {
  const fieldsOf = (index: number): readonly string[] => parseRecord(records.read(file, index), options);
  const row = (index: number): ArrayLike<number> => {
    const kept = rows.at(index);
    if (kept !== undefined) return kept;
    const numbers = fields.read(fieldsOf(index));
    if (typeof numbers !== 'string') return numbers;
    throw new LockstepError('data/corrupt', `${file.path} changed while it was read: row ${index}: ${numbers}`);
  };
  return {
    size: records.size,
    inputs: fields.text === undefined ? [{ shape: [fields.inputs], dtype: 'float32' }] : [],
    targets: [{ shape: [fields.targets], dtype: 'float32' }],
    ...labelsOf(records, fields, rows),
    ...(fields.text === undefined ? {} : { loose: { kind: 'text', read: (index) => fields.textOf(fieldsOf(index)) } }),
    read(index, [input], [target]) {
      const numbers = row(index);
      for (let column = 0; column < fields.inputs; column++) {
        if (input !== undefined) input[column] = numbers[column] as number;
      }
      for (let column = 0; column < fields.targets; column++) {
        if (target !== undefined) target[column] = numbers[fields.inputs + column] as number;
      }
    },
    close: () => file.close(),
  };
}

/** Of a single target, where all rows are kept anyway. */
function labelsOf(records: RecordIndex, fields: RowFields, rows: NumericRows): Pick<Source, 'labels'> {
  if (fields.targets !== 1 || rows.at(records.size - 1) === undefined) return {};
  return { labels: Float32Array.from({ length: records.size }, (_, row) => rows.at(row)?.[fields.inputs] as number) };
}
