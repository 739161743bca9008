import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { PredictionReader, ShardWriter, shardDirectory } from '../../shared/predictions/index.ts';

const root = mkdtempSync(join(tmpdir(), 'lockstep-shards-'));
after(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;

const outputs = [
  { name: 'one', shape: [] },
  { name: 'grid', shape: [null, 2] },
];

/** Sample s has the values s in output `one` and s, −s, s, −s in output `grid`. */
async function writeShards(samples: number, batchSize: number, workers: number): Promise<string> {
  const out = join(root, String(directories++));
  for (let rank = 0; rank < workers; rank++) {
    const shard = await ShardWriter.open(out, { rank, workers, samples, batchSize });
    for (let first = rank * batchSize; first < samples; first += workers * batchSize) {
      const rows = Math.min(batchSize, samples - first);
      const one = Float32Array.from({ length: rows }, (_, row) => first + row);
      await shard.write([
        one,
        Float32Array.from({ length: 4 * rows }, (_, k) => (k % 2 ? -1 : 1) * (one[k >> 2] ?? 0)),
      ]);
    }
    await shard.finish(outputs);
    await shard.close();
  }
  return out;
}

async function read(out: string, workers: number) {
  const reader = await PredictionReader.open(out, workers);
  const values: number[][] = [[], []];
  for await (const { first, rows, outputs } of reader.batches()) {
    assert.equal(first, values[0]?.length);
    assert.equal(outputs[0]?.length, rows);
    for (const [index, output] of outputs.entries()) values[index]?.push(...output);
  }
  await reader.close();
  return { values, shapes: reader.outputs.map(({ shape }) => shape), samples: reader.samples };
}

test('shards of any number of workers read as every sample once, in order', async () => {
  const sizes = [
    fc.integer({ min: 1, max: 60 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 7 }),
  ] as const;
  await fc.assert(
    fc.asyncProperty(...sizes, async (samples, batchSize, workers) => {
      const { values, shapes } = await read(await writeShards(samples, batchSize, workers), workers);
      const all = Array.from({ length: samples }, (_, sample) => sample);
      assert.deepEqual(values[0], all);
      assert.deepEqual(values[1], Array.from(new Float32Array(all.flatMap((s) => [s, -s, s, -s]))));
      assert.deepEqual(shapes, [[], [2, 2]]);
    }),
    { numRuns: 60 },
  );
});

test('shards that are missing, torn or of another run are refused', async () => {
  const out = await writeShards(20, 3, 2);
  await assert.rejects(PredictionReader.open(out, 3), { code: 'run/diverged', message: /worker 2 of 3/ });
  await assert.rejects(PredictionReader.open(out, 1), { code: 'run/diverged', message: /another run/ });
  truncateSync(join(shardDirectory(out), '1.values'), 8);
  await assert.rejects(PredictionReader.open(out, 2), {
    code: 'run/diverged',
    message: /left 8 bytes for its 9 samples/,
  });
});
