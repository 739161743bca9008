import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadEngine } from '../../worker/engine/index.ts';
import { models } from '../../worker/models/index.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { lockstep, type RunJson, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

const engine = process.env['LOCKSTEP_ENGINE'] === 'cpu' ? 'cpu' : 'tensorflow';
const { skip } = await openEngine(engine);
after(removeOutputs);

/** [example, metric, from where on it has learned; below 0: at most that much] */
const examples: readonly (readonly [string, string, number])[] = [
  ['recurrent-stack', 'accuracy', 0.9],
  ['autoencoder-dense', 'binaryAccuracy', 0.9],
  ['autoencoder-denoising', 'meanAbsoluteError', -0.1],
  ['transformer-classifier', 'accuracy', 0.85],
  ['language-model', 'accuracy', 0.8],
];

const file = (example: string): string => join(repositoryRoot, 'examples', `${example}.ts`);

for (const [example, metric, bound] of examples) {
  test(`examples/${example}.ts learns, and 2 workers get the bits of 1`, { skip }, async () => {
    const args = [file(example), '--replicas', '2', '--engine', engine];
    const one = await trainJson([...args, '--workers', '1']);
    const two = await trainJson([...args, '--workers', '2']);
    assert.equal(two.weightsSha256, one.weightsSha256);
    assert.deepEqual(two.test, one.test);
    const reached = Number(one.test?.[metric]);
    assert.ok(bound < 0 ? reached <= -bound : reached >= bound, `${metric} ${reached}`);
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
