import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { saveModel } from '../../worker/checkpoint/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { runExport } from '../../worker/models/index.ts';
import { savedForm } from '../support/exchange-files.ts';
import { assertPredicts, exchangeModels, predict, randomizeWeights, sampleInputs } from '../support/exchange-models.ts';
import { findPythonWithTensorFlow } from '../support/python-tensorflow.ts';
import { repositoryRoot } from '../support/repository.ts';

const python = findPythonWithTensorFlow();
const skip = python === undefined && 'no Python with TensorFlow here; set LOCKSTEP_TEST_PYTHON';
const directory = mkdtempSync(join(tmpdir(), 'lockstep-export-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const ROWS = 3;

test('an exported .keras file predicts in Python what the model predicts here', { skip }, async (context) => {
  await tf.setBackend('cpu');
  const requests = [];
  const expected: number[][][] = [];
  for (const [index, { build, vocabulary }] of exchangeModels.entries()) {
    const model = build();
    randomizeWeights(model, index + 1);
    const inputs = sampleInputs(model, ROWS, vocabulary);
    expected.push(predict(model, inputs));
    const saved = join(directory, `model${index}`);
    await saveModel(saved, savedForm(model));
    const path = join(directory, `model${index}.keras`);
    await runExport({ model: saved, format: 'keras', out: path, force: false });
    requests.push({ path, inputs });
  }
  const script = join(repositoryRoot, 'test/parity/keras_exchange.py');
  const stdout = execFileSync(python as string, [script, 'predict'], {
    ...{ input: JSON.stringify(requests), encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'], maxBuffer: 1e9 },
  });
  const answers = JSON.parse(stdout) as (number[][] | { error: string })[];
  for (const [index, { name }] of exchangeModels.entries()) {
    await context.test(name, () => {
      const answer = answers[index] as number[][] | { error: string };
      assert.ok(Array.isArray(answer), `Keras: ${(answer as { error: string }).error}`);
      assertPredicts(answer, expected[index] as number[][]);
    });
  }
});
