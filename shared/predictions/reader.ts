import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { at, invariant, LockstepError } from '../core/index.ts';
import { type OutputSpec, type ShardManifest, shardDirectory } from './shard.ts';

export interface PredictedBatch {
  /** Number of its first sample. */
  readonly first: number;
  readonly rows: number;
  /** Of each output, [rows, …]. */
  readonly outputs: readonly Float32Array[];
}

/** All shards of a prediction as one: every sample once, in the order of the data set. */
export class PredictionReader {
  readonly samples: number;
  /** With whole shapes. */
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly #manifest: ShardManifest;
  readonly #files: readonly FileHandle[];

  /** @throws LockstepError run/diverged where shards are missing, torn or not of one prediction */
  static async open(out: string, workers: number): Promise<PredictionReader> {
    const path = (rank: number) => join(shardDirectory(out), String(rank));
    const manifests: ShardManifest[] = [];
    for (let rank = 0; rank < workers; rank++) {
      const text = await readFile(`${path(rank)}.json`, 'utf8').catch(() => null);
      if (text === null) throw broken(`worker ${rank} of ${workers} has left no whole part`);
      manifests.push(JSON.parse(text) as ShardManifest);
    }
    const files: FileHandle[] = [];
    try {
      for (let rank = 0; rank < workers; rank++) files.push(await open(`${path(rank)}.values`));
      for (const [rank, file] of files.entries()) {
        checkShard(manifests, rank, workers, (await file.stat()).size);
      }
    } catch (error) {
      await Promise.all(files.map((file) => file.close()));
      throw error;
    }
    return new PredictionReader(at(manifests, 0), files);
  }

  private constructor(manifest: ShardManifest, files: readonly FileHandle[]) {
    this.#manifest = manifest;
    this.#files = files;
    this.samples = manifest.samples;
    this.outputs = manifest.outputs.map(({ name, shape }, output) => ({
      name,
      shape: wholeShape(shape, at(manifest.widths, output)),
    }));
  }

  async *batches(): AsyncGenerator<PredictedBatch> {
    const { samples, batchSize, widths, workers } = this.#manifest;
    for (let batch = 0; batch * batchSize < samples; batch++) {
      const first = batch * batchSize;
      const rows = Math.min(batchSize, samples - first);
      const file = at(this.#files, batch % workers);
      const outputs: Float32Array[] = [];
      for (const width of widths) outputs.push(await readFloats(file, rows * width));
      yield { first, rows, outputs };
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}

/** Reads on from where the file stands. */
async function readFloats(file: FileHandle, length: number): Promise<Float32Array> {
  const values = new Float32Array(length);
  const bytes = new Uint8Array(values.buffer);
  for (let filled = 0; filled < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled);
    invariant(bytesRead > 0, 'a shard is as long as was checked');
    filled += bytesRead;
  }
  return values;
}

function checkShard(manifests: readonly ShardManifest[], rank: number, workers: number, size: number): void {
  const shard = at(manifests, rank);
  const { samples, batchSize, widths } = at(manifests, 0);
  const isAlike = shard.rank === rank && shard.workers === workers && shard.samples === samples;
  if (!isAlike || shard.batchSize !== batchSize) throw broken(`worker ${rank} predicted for another run`);
  let owned = 0;
  for (let first = rank * batchSize; first < samples; first += workers * batchSize) {
    owned += Math.min(batchSize, samples - first);
  }
  const expected = 4 * owned * widths.reduce((sum, width) => sum + width, 0);
  if (owned > 0 && shard.widths.join() !== widths.join())
    throw broken(`worker ${rank} has other outputs than worker 0`);
  if (size !== expected || shard.bytes !== expected) {
    throw broken(`worker ${rank} left ${size} bytes for its ${owned} samples, ${expected} were expected`);
  }
}

function broken(problem: string): LockstepError {
  return new LockstepError('run/diverged', `the predictions are not whole: ${problem}; nothing is written`);
}

/** A dimension that the model leaves open follows from how many values there are. */
function wholeShape(shape: OutputSpec['shape'], width: number): number[] {
  const known = shape.reduce<number>((product, size) => product * (size ?? 1), 1);
  const open = shape.filter((size) => size === null).length;
  if (open > 1) return [width];
  return shape.map((size) => size ?? width / known);
}
