import { type CsvError, type Options, parse } from 'csv-parse';
import { parse as parseNow } from 'csv-parse/sync';

export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: boolean;
}

export interface CsvRecord {
  readonly fields: readonly string[];
  /** Of its last line, from 1 on. */
  readonly line: number;
  /** Bytes up to and with its line end. */
  readonly end: number;
}

/** What is wrong in the text, and where. */
export class CsvProblem extends Error {
  readonly line: number;

  constructor(line: number, problem: string) {
    super(problem);
    this.line = line;
  }
}

function optionsOf({ delimiter, quote }: CsvDialect): Options {
  return {
    bom: true,
    delimiter,
    quote: quote ? '"' : null,
    escape: quote ? '"' : null,
    // Rows of other lengths are told with their line by whoever knows the columns.
    relax_column_count: true,
    // Both, because files that several programs wrote have both.
    record_delimiter: ['\r\n', '\n'],
    skip_empty_lines: true,
  };
}

/** Every record of a file in order, read in pieces. @throws CsvProblem */
export async function* readRecords(chunks: AsyncIterable<Uint8Array>, dialect: CsvDialect): AsyncGenerator<CsvRecord> {
  const parser = parse({ ...optionsOf(dialect), info: true });
  const feed = async (): Promise<void> => {
    for await (const chunk of chunks) {
      if (!parser.write(chunk)) await new Promise((resolve) => parser.once('drain', resolve));
    }
    parser.end();
  };
  feed().catch((error: Error) => parser.destroy(error));
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[];
      info: { lines: number; bytes: number };
    }>) {
      yield { fields: record, line: info.lines, end: info.bytes };
    }
  } catch (error) {
    throw problemOf(error);
  }
}

/** The fields of one record. @throws CsvProblem */
export function parseRecord(bytes: Uint8Array, dialect: CsvDialect): readonly string[] {
  try {
    const records = parseNow(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), optionsOf(dialect));
    return (records as unknown as string[][])[0] ?? [];
  } catch (error) {
    throw problemOf(error);
  }
}

function problemOf(error: unknown): Error {
  const { code, message, lines } = error as Partial<CsvError> & { lines?: number };
  if (typeof code !== 'string' || !code.startsWith('CSV_')) return error as Error;
  return new CsvProblem(lines ?? 0, message ?? code);
}
