import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadModel } from '../../worker/checkpoint/index.ts';
import type { FitGolden } from '../support/jobs/keras-fit.ts';
import { assertClose, goldens } from '../support/keras-parity.ts';
import { type RunJson, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

/** Rounding of float32 over 12 steps, as in keras-parity.ts. */
const TOLERANCE = 1e-5;
const job = join(repositoryRoot, 'test/support/jobs/keras-fit.ts');

/** Keras's names, by ours. */
const spelling: Readonly<Record<string, string>> = { meanAbsoluteError: 'mean_absolute_error' };
const kerasName = (name: string): string =>
  Object.entries(spelling).reduce((text, [own, keras]) => text.replace(own, keras), name);

const { keras: _, tensorflow: __, ...cases } = goldens<Readonly<Record<string, FitGolden>>>('fit');

for (const [name, golden] of Object.entries(cases)) {
  test(`${name}: fit and evaluate report and learn what Keras's do, with the same bits on 1 and 2 workers`, async () => {
    const args = [job, '--replicas', '2'];
    const env = { KERAS_FIT_CASE: name };
    const runs = [];
    for (const workers of ['1', '2']) runs.push(await trainJson([...args, '--workers', workers], env));
    const [one, two] = runs as [RunJson, RunJson];
    assert.equal(two.weightsSha256, one.weightsSha256);
    assert.deepEqual([two.metrics, two.validation, two.test], [one.metrics, one.validation, one.test]);
    for (const [epoch, { loss, metrics, validation }] of one.history.entries()) {
      const validated = Object.entries(validation ?? {}).map(([key, value]) => [`val_${key}`, value]);
      const expected = Object.entries(golden.history).map(([key, values]) => [key, values[epoch]]);
      compare({ loss, ...metrics, ...Object.fromEntries(validated) }, Object.fromEntries(expected), `epoch ${epoch}`);
    }
    compare(one.test ?? {}, golden.tested, 'test');
    const { weights } = await loadModel(one.checkpoint);
    for (const [index, { name: weight, values }] of weights.entries()) {
      assertClose(values, golden.weights[index] ?? [], TOLERANCE, weight);
    }
  });
}

function compare(actual: object, expected: Readonly<Record<string, number>>, what: string): void {
  const values = Object.entries(actual).map(([name, value]) => [kerasName(name), Number(value)] as const);
  assert.deepEqual(values.map(([name]) => name).sort(), Object.keys(expected).sort());
  for (const [name, value] of values)
    assertClose([value], [expected[name] ?? Number.NaN], TOLERANCE, `${what}: ${name}`);
}
