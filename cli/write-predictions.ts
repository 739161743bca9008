import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { at, LockstepError } from '../shared/core/index.ts';
import { npyHeader, type PredictedBatch, type PredictionReader } from '../shared/predictions/index.ts';

/** To standard output, or to a file that appears under its name only when it is whole. @throws LockstepError config/invalid */
export async function writePredictions(reader: PredictionReader, output: string | null): Promise<void> {
  if (output === null) return printLines(reader);
  if (output.endsWith('.npy')) return writeArrays(reader, output);
  await writeWhole([output], async ([file]) => {
    for await (const text of lines(reader)) await file?.writeFile(text);
  });
}

/** `.npy` for the only output, `.NAME.npy` for each of several. */
async function writeArrays(reader: PredictionReader, output: string): Promise<void> {
  const { outputs, samples } = reader;
  const stem = output.slice(0, -'.npy'.length);
  const fileOf = (name: string) => `${stem}.${name.replaceAll(/[^\w.-]/g, '_')}.npy`;
  const paths = outputs.length === 1 ? [output] : outputs.map(({ name }) => fileOf(name));
  await writeWhole(paths, async (files) => {
    for (const [index, { shape }] of outputs.entries())
      await at(files, index).writeFile(npyHeader([samples, ...shape]));
    for await (const batch of reader.batches()) {
      for (const [index, values] of batch.outputs.entries()) {
        await at(files, index).writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
    }
  });
}

/** One line for each sample: `prediction` holds its values, or, of several outputs, a list of values for each. */
async function* lines(reader: PredictionReader): AsyncGenerator<string> {
  for await (const batch of reader.batches()) {
    for (let row = 0; row < batch.rows; row++) {
      yield `${JSON.stringify({ index: batch.first + row, prediction: predictionOf(batch, row) })}\n`;
    }
  }
}

function predictionOf({ outputs, rows }: PredictedBatch, row: number): number[] | number[][] {
  const values = outputs.map((output) => {
    const width = output.length / rows;
    return [...output.subarray(row * width, (row + 1) * width)];
  });
  return values.length === 1 ? at(values, 0) : values;
}

async function printLines(reader: PredictionReader): Promise<void> {
  try {
    await pipeline(Readable.from(lines(reader)), process.stdout, { end: false });
  } catch (error) {
    // Whoever reads has enough, as `| head` does.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

async function writeWhole(paths: readonly string[], write: (files: readonly FileHandle[]) => Promise<void>) {
  const drafts = paths.map((path) => `${path}.${process.pid}.tmp`);
  const files: FileHandle[] = [];
  try {
    for (const draft of drafts) files.push(await open(draft, 'w'));
    await write(files);
    for (const file of files) await file.sync();
    for (const [index, draft] of drafts.entries()) await rename(draft, at(paths, index));
  } catch (cause) {
    await Promise.all(drafts.map((draft) => rm(draft, { force: true })));
    if (cause instanceof LockstepError) throw cause;
    const problem = `--output ${paths.join(', ')} cannot be written: ${(cause as Error).message}`;
    throw new LockstepError('config/invalid', problem, { cause });
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}
