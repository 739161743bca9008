import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const job = join(repositoryRoot, 'test/support/jobs/two-outputs.ts');
const names = [
  ...['size_loss', 'shape_loss', 'size_r2Score', 'size_meanAbsoluteError'],
  ...['shape_accuracy', 'shape_sparseTopKCategoricalAccuracy', 'shape_confusionMatrix'],
];

test('losses and metrics by output are named as in Keras, and the same bits on 1, 2 and 3 workers', async () => {
  const runs = [];
  for (const workers of ['1', '2', '3']) runs.push(await trainJson([job, '--replicas', '6', '--workers', workers]));
  const [one] = runs;
  const untimed = runs.map(({ weightsSha256, metrics, validation, test, history }) => {
    return { weightsSha256, metrics, validation, test, history: history.map(({ seconds: _, ...epoch }) => epoch) };
  });
  for (const run of untimed) assert.deepEqual(run, untimed[0]);
  assert.deepEqual(Object.keys(one?.metrics ?? {}), names);
  assert.deepEqual(Object.keys(one?.test ?? {}), ['loss', ...names]);
  for (const measured of [one?.validation, one?.test]) {
    const { loss, size_loss, shape_loss, shape_accuracy, shape_confusionMatrix } = measured ?? assert.fail();
    // lossWeights: the size counts half.
    assert.ok(Math.abs(0.5 * Number(size_loss) + Number(shape_loss) - loss) < 1e-6);
    const matrix = shape_confusionMatrix as unknown as number[][];
    const hits = matrix.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
    const all = matrix.flat().reduce((sum, count) => sum + count, 0);
    assert.deepEqual([all, hits / all], [19, shape_accuracy]);
  }
});
