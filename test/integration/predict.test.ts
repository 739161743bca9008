import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockstep, outputs, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const engine = ['--engine', process.env['LOCKSTEP_ENGINE'] || 'tensorflow'];
const job = (name: string) => join(repositoryRoot, 'test/support/jobs', name);
const file = (name: string) => join(outputs, name);

async function trained(name: string): Promise<string> {
  return (await trainJson([job(name), ...engine, '--max-steps', '2'])).checkpoint;
}

test('any number of workers predicts every sample once, in order, with the bits of one', async () => {
  const model = await trained('small.ts');
  const texts: string[] = [];
  // 20 test samples in batches of 6: with 5 workers one has nothing to do.
  for (const workers of ['1', '2', '5']) {
    const output = file(`p${workers}.jsonl`);
    const args = [job('small.ts'), '--model', model, ...engine, '--batch-size', '6'];
    const ended = await lockstep(['predict', ...args, '--workers', workers, '--output', output]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual([ended.stdout, ended.stderr], ['', '']);
    texts.push(readFileSync(output, 'utf8'));
  }
  const lines = (texts[0] ?? '').trimEnd().split('\n');
  const indices = lines.map((line) => (JSON.parse(line) as { index: number }).index);
  assert.deepEqual(indices, [...indices.keys()]);
  assert.equal(lines.length, 20);
  assert.equal(texts[1], texts[0]);
  assert.equal(texts[2], texts[0]);
});

test('a NumPy file for each output, equal to the JSON lines', async () => {
  const model = await trained('map-and-score.ts');
  const args = [job('map-and-score.ts'), '--model', model, ...engine, '--count', '21', '--workers', '2'];
  const toFile = await lockstep(['predict', ...args, '--output', file('p.npy')]);
  assert.equal(toFile.code, 0, toFile.stderr);
  const toScreen = await lockstep(['predict', ...args]);
  const lines = toScreen.stdout.trimEnd().split('\n');
  const rows = lines.map((line) => (JSON.parse(line) as { prediction: number[][] }).prediction);
  for (const [index, [name, shape]] of (
    [
      ['map', '21, 3, 2'],
      ['score', '21, 1'],
    ] as const
  ).entries()) {
    const bytes = readFileSync(file(`p.${name}.npy`));
    assert.equal(bytes.toString('latin1', 0, 8), '\x93NUMPY\x01\x00');
    const start = 10 + bytes.readUInt16LE(8);
    assert.equal(start % 64, 0);
    assert.ok(
      bytes.toString('latin1', 10, start).includes(`'descr': '<f4', 'fortran_order': False, 'shape': (${shape})`),
    );
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
    assert.deepEqual(
      [...values],
      rows.flatMap((row) => row[index] ?? []),
    );
  }
});

test('a prediction that fails writes nothing', async () => {
  const output = file('broken.jsonl');
  const args = ['--model', file('model-of-nothing'), '--output', output];
  const ended = await lockstep(['predict', job('small.ts'), ...args, ...engine]);
  assert.equal(ended.code, 2);
  assert.ok(!existsSync(output));
});
