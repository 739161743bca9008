import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadModel, saveModel } from '../../worker/checkpoint/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { type ExportFormat, models, runExport } from '../../worker/models/index.ts';
import { savedForm } from '../support/exchange-files.ts';
import { LockstepRun, lockstep, removeOutputs } from '../support/lockstep-run.ts';
import { rejected } from '../support/thrown.ts';

const directory = mkdtempSync(join(tmpdir(), 'lockstep-export-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
  removeOutputs();
});

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

test('a .keras file and safetensors give back the weights that went into them', async () => {
  const keras = join(directory, 'back.keras');
  await runExport({ model: saved, format: 'keras', out: keras, force: false });
  const back = await models.load(keras);
  assert.deepEqual(
    savedForm(back).weights.map(({ name, values }) => [name, values]),
    savedForm(model).weights.map(({ name, values }) => [name, values]),
  );
  const again = join(directory, 'again');
  await runExport({ model: keras, format: 'tfjs', out: again, force: false });
  assert.deepEqual((await loadModel(again)).weights, savedForm(model).weights);
  const error = await rejected('checkpoint/unsupported', models.load(join(directory, 'there.safetensors')));
  assert.match(error.message, /holds weights alone/);
});

test('a torn or altered file is refused by its name', async () => {
  for (const ending of ['keras', 'safetensors']) {
    const whole = readFileSync(join(directory, `there.${ending}`));
    const altered = Buffer.from(whole);
    altered[whole.length >> 1] = (altered[whole.length >> 1] ?? 0) ^ 1;
    for (const [kind, bytes] of [
      ['torn', whole.subarray(0, whole.length >> 1)],
      ['altered', altered],
    ] as const) {
      // Safetensors has no checksum: that its lengths add up is all that shows.
      if (ending === 'safetensors' && kind === 'altered') continue;
      const path = join(directory, `${kind}.${ending}`);
      writeFileSync(path, bytes);
      const error = await rejected('checkpoint/corrupt', models.load(path));
      assert.ok(error.message.startsWith(`${path}: `), error.message);
    }
  }
});

test('a run evaluates and trains on from the weights of a file, and names what does not fit', async () => {
  const job = 'test/support/jobs/small.ts';
  const training = new LockstepRun(['train', job, '--max-steps', '2']);
  const { code, stderr } = await training.ended;
  assert.equal(code, 0, stderr);
  const results: unknown[] = [];
  for (const format of ['tfjs', 'keras', 'safetensors'] as const) {
    const path = join(directory, `small.${format}`);
    await runExport({ model: training.out, format, out: path, force: false });
    const evaluated = await lockstep(['evaluate', job, '--model', path, '--json']);
    assert.equal(evaluated.code, 0, evaluated.stderr);
    results.push((JSON.parse(evaluated.stdout.trim().split('\n').at(-1) ?? '') as { test: unknown }).test);
  }
  assert.deepEqual(results, [results[0], results[0], results[0]]);
  const more = await lockstep(['train', job, '--max-steps', '1', '--model', join(directory, 'small.keras')]);
  assert.equal(more.code, 0, more.stderr);
  const foreign = await lockstep(['train', job, '--max-steps', '1', '--model', join(directory, 'there.keras')]);
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /checkpoint\/mismatch.*there\.keras: .*layer/s);
});
