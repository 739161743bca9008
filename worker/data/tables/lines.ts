export interface Line {
  /** Without the line end. */
  readonly bytes: Uint8Array;
  /** Byte at which it starts in the file. */
  readonly start: number;
  /** From 1 on. */
  readonly line: number;
}

const NEWLINE = 0x0a;

/** The lines of a file, which is read in pieces; the last one needs no line end. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let start = 0;
  let line = 1;
  const finish = (): Line => {
    const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
    const finished = { bytes, start, line };
    start += bytes.length + 1;
    line++;
    parts = [];
    return finished;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      parts.push(chunk.subarray(from, end));
      from = end + 1;
      yield finish();
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
  }
  if (parts.length > 0) yield finish();
}
