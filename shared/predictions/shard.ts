import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../core/index.ts';

/** One output of a model. */
export interface OutputSpec {
  readonly name: string;
  /** Without the batch dimension; null where it is known from the values alone. */
  readonly shape: readonly (number | null)[];
}

/** Which samples a shard holds: of batches of `batchSize` in order, those with number ≡ `rank` modulo `workers`. */
export interface ShardPlan {
  readonly rank: number;
  readonly workers: number;
  /** Of the whole data set. */
  readonly samples: number;
  readonly batchSize: number;
}

/** Written last, so that a shard without one is not whole. */
export interface ShardManifest extends ShardPlan {
  readonly outputs: readonly OutputSpec[];
  /** Values of one sample in each output. */
  readonly widths: readonly number[];
  readonly bytes: number;
}

export function shardDirectory(out: string): string {
  return join(out, 'shards');
}

/** What a worker predicted: for each batch of it, each output's rows, as little-endian float32. */
export class ShardWriter {
  readonly #plan: ShardPlan;
  readonly #path: string;
  readonly #file: FileHandle;
  #widths: readonly number[] = [];
  #bytes = 0;
  #batches = 0;

  /** @throws LockstepError config/invalid where the directory cannot be written to */
  static async open(out: string, plan: ShardPlan): Promise<ShardWriter> {
    const directory = shardDirectory(out);
    const path = join(directory, String(plan.rank));
    try {
      await mkdir(directory, { recursive: true });
      return new ShardWriter(plan, path, await open(`${path}.values`, 'w'));
    } catch (cause) {
      throw writeError(path, cause as Error);
    }
  }

  private constructor(plan: ShardPlan, path: string, file: FileHandle) {
    this.#plan = plan;
    this.#path = path;
    this.#file = file;
  }

  /** @param outputs the next batch's values, [rows, …] of each output */
  async write(outputs: readonly Float32Array[]): Promise<void> {
    const { rank, workers, samples, batchSize } = this.#plan;
    const rows = Math.min(batchSize, samples - (this.#batches * workers + rank) * batchSize);
    this.#batches++;
    this.#widths = outputs.map((values) => values.length / rows);
    for (const values of outputs) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      try {
        await this.#file.writeFile(bytes);
      } catch (cause) {
        throw writeError(this.#path, cause as Error);
      }
      this.#bytes += bytes.byteLength;
    }
  }

  async finish(outputs: readonly OutputSpec[]): Promise<void> {
    const manifest: ShardManifest = { ...this.#plan, outputs, widths: this.#widths, bytes: this.#bytes };
    await writeFile(`${this.#path}.json`, JSON.stringify(manifest)).catch((cause: Error) => {
      throw writeError(this.#path, cause);
    });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function writeError(path: string, cause: Error): LockstepError {
  return new LockstepError('config/invalid', `predictions cannot be written to ${path}: ${cause.message}`, { cause });
}
