import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { describeTopology, tf } from '../../worker/engine/index.ts';
import { openForeignFile } from '../../worker/exchange/index.ts';
import { models } from '../../worker/models/index.ts';
import { assertPredicts, predict, type SampleInput, setWeights } from '../support/exchange-models.ts';
import { findPythonWithTensorFlow } from '../support/python-tensorflow.ts';
import { repositoryRoot } from '../support/repository.ts';

const python = findPythonWithTensorFlow();
const skip = python === undefined && 'no Python with TensorFlow here; set LOCKSTEP_TEST_PYTHON';
const directory = mkdtempSync(join(tmpdir(), 'lockstep-import-'));
after(() => rmSync(directory, { recursive: true, force: true }));

interface Made {
  readonly name: string;
  readonly inputs: readonly SampleInput[];
  readonly outputs: readonly (readonly number[])[];
}

test('models that Keras saved predict here what they predict there', { skip }, async (context) => {
  await tf.setBackend('cpu');
  const script = join(repositoryRoot, 'test/parity/keras_exchange.py');
  const stdout = execFileSync(python as string, [script, 'make', directory], {
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e9 },
  });
  for (const [number, { name, inputs, outputs }] of (JSON.parse(stdout) as Made[]).entries()) {
    const path = join(directory, String(number));
    for (const ending of ['.keras', '.h5']) {
      await context.test(`${name}: the model of a ${ending} file`, async () => {
        const model = await models.load(path + ending);
        assertPredicts(predict(model, inputs), outputs);
        model.dispose();
      });
    }
    await context.test(`${name}: the weights of a .weights.h5 file`, async () => {
      const topology = (await openForeignFile(`${path}.keras`)).topology();
      const model = await tf.models.modelFromJSON(topology as never);
      const arrays = (await openForeignFile(`${path}.weights.h5`)).weightsFor(await describeTopology(topology));
      setWeights(model, arrays);
      assertPredicts(predict(model, inputs), outputs);
      model.dispose();
    });
  }
});
