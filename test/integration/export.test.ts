import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadModel, saveModel } from '../../worker/checkpoint/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { type ExportFormat, runExport } from '../../worker/export.ts';
import { savedForm } from '../support/exchange-files.ts';
import { lockstep } from '../support/lockstep-run.ts';
import { rejected } from '../support/thrown.ts';

const directory = mkdtempSync(join(tmpdir(), 'lockstep-export-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const model = tf.sequential({
  layers: [tf.layers.dense({ inputShape: [3], units: 2, name: 'first' })],
});
const run = join(directory, 'run');
const saved = join(run, 'model');
await saveModel(saved, savedForm(model));

test('the command exports the model of a run and says what it wrote', async () => {
  const out = join(directory, 'new', 'weights.safetensors');
  const { code, stderr } = await lockstep(['export', run, '--format', 'safetensors', '--out', out]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /weights\.safetensors written/);
  const bytes = readFileSync(out);
  const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString();
  assert.deepEqual(JSON.parse(header)['first/kernel'], { dtype: 'F32', shape: [3, 2], data_offsets: [0, 24] });
});

for (const format of ['keras', 'safetensors', 'tfjs'] as const satisfies readonly ExportFormat[]) {
  test(`${format}: what is there is replaced by force alone`, async () => {
    const out = join(directory, `there.${format}`);
    await runExport({ model: saved, format, out, force: false });
    const error = await rejected('checkpoint/write', runExport({ model: saved, format, out, force: false }));
    assert.match(error.message, /there.*--force/);
    await runExport({ model: run, format, out, force: true });
    if (format === 'tfjs') assert.deepEqual((await loadModel(out)).weights, savedForm(model).weights);
  });
}

test('an altered model is not exported', async () => {
  const altered = join(directory, 'altered');
  await saveModel(altered, savedForm(model));
  writeFileSync(join(altered, 'group1-shard1of1.bin'), Buffer.alloc(32));
  const out = join(directory, 'altered.keras');
  await rejected('checkpoint/corrupt', runExport({ model: altered, format: 'keras', out, force: false }));
  assert.throws(() => readFileSync(out), /ENOENT/);
});

test('a layer without an equal in Keras is refused by name', async () => {
  const hard = tf.sequential({ layers: [tf.layers.lstm({ inputShape: [3, 2], units: 2, name: 'memory' })] });
  const directoryOfHard = join(directory, 'hard');
  await saveModel(directoryOfHard, savedForm(hard));
  const error = await rejected(
    'checkpoint/unsupported',
    runExport({ model: directoryOfHard, format: 'keras', out: join(directory, 'hard.keras'), force: false }),
  );
  assert.match(error.message, /layer memory \(LSTM\): recurrent_activation: hard_sigmoid is clip/);
});
