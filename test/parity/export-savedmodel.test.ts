import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { saveModel } from '../../worker/checkpoint/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { runExport } from '../../worker/models/index.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { savedForm } from '../support/exchange-files.ts';
import { assertPredicts, exchangeModels, predict, randomizeWeights, sampleInputs } from '../support/exchange-models.ts';
import { findPythonWithTensorFlow } from '../support/python-tensorflow.ts';
import { repositoryRoot } from '../support/repository.ts';
import { rejected } from '../support/thrown.ts';

const { skip: noEngine } = await openEngine('tensorflow');
const python = findPythonWithTensorFlow();
const skip = noEngine || (python === undefined && 'no Python with TensorFlow here; set LOCKSTEP_TEST_PYTHON');
const directory = mkdtempSync(join(tmpdir(), 'lockstep-savedmodel-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Keras has no equal for these. */
const savedModelAlone = [
  {
    name: 'tfjs’s own gates',
    build: () => tf.sequential({ layers: [tf.layers.gru({ inputShape: [5, 4], units: 3, returnSequences: true })] }),
  },
  {
    name: 'bilinear upsampling',
    build: () =>
      tf.sequential({
        layers: [
          tf.layers.conv2d({ inputShape: [4, 4, 2], filters: 2, kernelSize: 2, activation: 'relu' }),
          tf.layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' } as never),
        ],
      }),
  },
];

test('an exported SavedModel predicts in TensorFlow for batches of any size', { skip }, async (context) => {
  const families = [...exchangeModels, ...savedModelAlone];
  const requests = [];
  const expected: { readonly name: string; readonly outputs: number[][] }[] = [];
  for (const [index, { name, build, ...more }] of families.entries()) {
    const model = build();
    randomizeWeights(model, index + 1);
    const saved = join(directory, `model${index}`);
    await saveModel(saved, savedForm(model));
    const path = join(directory, `saved${index}`);
    await runExport({ model: saved, format: 'savedmodel', out: path, force: false });
    for (const rows of [1, 7]) {
      const inputs = sampleInputs(model, rows, 'vocabulary' in more ? more.vocabulary : undefined);
      expected.push({ name: `${name}, ${rows} rows`, outputs: predict(model, inputs) });
      const named = inputs.map((input, at) => ({ ...input, name: model.inputs[at]?.sourceLayer.name }));
      requests.push({ path, inputs: named, outputs: model.outputs.map(({ sourceLayer }) => sourceLayer.name) });
    }
    model.dispose();
  }
  const script = join(repositoryRoot, 'test/parity/keras_exchange.py');
  const stdout = execFileSync(python as string, [script, 'predict'], {
    ...{ input: JSON.stringify(requests), encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'], maxBuffer: 1e9 },
  });
  const answers = JSON.parse(stdout) as (number[][] | { error: string })[];
  for (const [index, { name, outputs }] of expected.entries()) {
    await context.test(name, () => {
      const answer = answers[index] as number[][] | { error: string };
      assert.ok(Array.isArray(answer), `TensorFlow: ${(answer as { error: string }).error}`);
      assertPredicts(answer, outputs);
    });
  }
});

/** Adds the number of rows to every value. */
class RowCount extends tf.layers.Layer {
  static className = 'RowCount';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor;
    return tf.add(x, x.shape[0] ?? 0);
  }
}
tf.serialization.registerClass(RowCount as never);

test('what depends on the batch is refused with its layer, and a directory of other files stays', {
  skip: noEngine,
}, async () => {
  const layers = [tf.layers.dense({ inputShape: [3], units: 2 }), new RowCount({ name: 'counter' })];
  const saved = join(directory, 'counting');
  await saveModel(saved, savedForm(tf.sequential({ layers })));
  const options = { model: saved, format: 'savedmodel', out: join(directory, 'never') } as const;
  const error = await rejected('checkpoint/unsupported', runExport({ ...options, force: false }));
  assert.match(error.message, /layer counter: .*holds other values in batches of other sizes/);

  const plain = join(directory, 'plain');
  await saveModel(plain, savedForm(tf.sequential({ layers: [tf.layers.dense({ inputShape: [3], units: 2 })] })));
  const out = join(directory, 'exported');
  await runExport({ ...options, model: plain, out, force: false });
  await rejected('checkpoint/write', runExport({ ...options, model: plain, out, force: false }));
  await runExport({ ...options, model: plain, out, force: true });
  writeFileSync(join(out, 'notes.txt'), 'mine');
  await rejected('checkpoint/write', runExport({ ...options, model: plain, out, force: true }));
  assert.deepEqual(readdirSync(out).sort(), ['notes.txt', 'saved_model.pb']);
});
