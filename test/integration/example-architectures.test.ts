import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadEngine } from '../../worker/engine/index.ts';
import { models } from '../../worker/models/index.ts';
import { proving } from '../support/coverage-record.ts';
import { rowsOfExample } from '../support/coverage-rows.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { lockstep, type RunJson, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

const engine = process.env['LOCKSTEP_ENGINE'] === 'cpu' ? 'cpu' : 'tensorflow';
const { skip } = await openEngine(engine);
after(removeOutputs);

/** [metric, where it must be on data that was not trained on] */
const learned: Readonly<Record<string, readonly [string, (value: number) => boolean]>> = {
  'small-cnn': ['accuracy', (value) => value >= 0.8],
  'recurrent-stack': ['accuracy', (value) => value >= 0.9],
  'autoencoder-dense': ['binaryAccuracy', (value) => value >= 0.9],
  'autoencoder-convolutional': ['binaryAccuracy', (value) => value >= 0.9],
  'autoencoder-denoising': ['meanAbsoluteError', (value) => value <= 0.1],
  'transformer-classifier': ['accuracy', (value) => value >= 0.85],
  'language-model': ['accuracy', (value) => value >= 0.8],
  'two-inputs': ['near_accuracy', (value) => value >= 0.85],
  'own-loss': ['covered', (value) => Math.abs(value - 0.8) < 0.12],
};

const file = (example: string): string => join(repositoryRoot, 'examples', `${example}.ts`);

for (const [example, [metric, hasLearned]] of Object.entries(learned)) {
  test(`examples/${example}.ts learns, and 2 and 3 workers get the bits of 1`, { skip }, async () => {
    const rows = rowsOfExample(example);
    const args = [file(example), '--replicas', '3', '--batch-size', '24', '--engine', engine];
    const one = await proving(rows, 'one', async () => {
      const run = await trainJson([...args, '--workers', '1']);
      assert.ok(hasLearned(Number(run.test?.[metric])), `${metric} ${run.test?.[metric]}`);
      return run;
    });
    await proving(rows, 'many', async () => {
      for (const workers of [2, 3]) {
        const { weightsSha256, test: tested } = await trainJson([...args, '--workers', String(workers)]);
        assert.deepEqual([weightsSha256, tested], [one.weightsSha256, one.test], `${workers} workers`);
      }
    });
    if (example === 'transformer-classifier') await predicts(example, one);
    if (example === 'language-model') await writes(one);
  });
}

/** Layers of Lockstep's own are found again by the names in model.json. */
async function predicts(example: string, { checkpoint }: RunJson): Promise<void> {
  const ended = await lockstep([
    ...['predict', file(example), '--model', String(checkpoint), '--count', '4', '--engine', engine],
  ]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stdout.trim().split('\n').length, 4);
}

async function writes({ checkpoint }: RunJson): Promise<void> {
  await loadEngine(engine, { threads: 1 });
  const letters = ' abcdefghijklmnopqrstuvwxyz.';
  const model = await models.load(String(checkpoint));
  const prompt = [...'the cat'].map((letter) => letters.indexOf(letter));
  const write = (options: object): string =>
    models
      .generate(model, prompt, { tokens: 16, ...options })
      .map((token) => letters[token])
      .join('');
  assert.equal(write({ temperature: 0 }), 'the cat sat on the mat.');
  assert.equal(write({ seed: 5, temperature: 2 }), write({ seed: 5, temperature: 2 }));
  const seeds = new Set(Array.from({ length: 8 }, (_, seed) => write({ seed, temperature: 2 })));
  assert.ok(seeds.size > 1, 'other seeds write other texts');
  model.dispose();
}
