import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeClips, writeImages, writeNews, writeSounds } from '../support/application-data.ts';
import { lockstep, outputs, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const engine = process.env['LOCKSTEP_ENGINE'] || 'tensorflow';

/** [application, example, its data, more arguments, least accuracy on what it was not trained on] */
const applications: readonly (readonly [string, string, (directory: string) => void, readonly string[], number])[] = [
  ['images', 'image-folder', (directory) => writeImages(directory, 40), [], 0.8],
  ['text', 'reuters-lstm', (directory) => writeNews(directory, { train: 160, test: 40 }), ['--epochs', '12'], 0.5],
  ['audio', 'audio-spectrogram', (directory) => writeSounds(directory, 30), [], 0.8],
  ['video', 'video-frames', (directory) => writeClips(directory, 30), [], 0.8],
];

for (const [application, example, write, more, least] of applications) {
  test(`${application}: examples/${example}.ts learns, and 2 workers get the bits of 1`, async () => {
    const data = join(outputs, application);
    write(data);
    const job = join(repositoryRoot, 'examples', `${example}.ts`);
    const args = [job, '--data', data, '--replicas', '2', '--engine', engine, ...more];
    const one = await trainJson([...args, '--workers', '1']);
    const two = await trainJson([...args, '--workers', '2']);
    assert.equal(two.weightsSha256, one.weightsSha256);
    assert.deepEqual([two.validation, two.test], [one.validation, one.test]);
    const accuracy = Number((one.test ?? one.validation)?.['accuracy'] ?? 0);
    assert.ok(accuracy >= least, `accuracy ${accuracy}`);
  });
}

test('predict uses the words that were trained with, also when the training texts are gone', async () => {
  const data = join(outputs, 'kept-words');
  writeNews(data, { train: 80, test: 8 });
  const job = join(repositoryRoot, 'examples/reuters-lstm.ts');
  const run = await lockstep([
    'train',
    job,
    '--data',
    data,
    '--workers',
    '1',
    '--max-steps',
    '2',
    '--engine',
    engine,
    '--json',
  ]);
  assert.equal(run.code, 0, run.stderr);
  const model = (JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '') as { checkpoint: string }).checkpoint;
  const predict = async (): Promise<string> => {
    const ended = await lockstep(['predict', job, '--model', model, '--data', data, '--engine', engine]);
    assert.equal(ended.code, 0, ended.stderr);
    return ended.stdout;
  };
  const before = await predict();
  // Other training texts would give the words other numbers.
  writeFileSync(join(data, 'train.tsv'), 'acq\tnothing of this was there before\n');
  assert.equal(await predict(), before);
  const saved = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8')) as {
    userDefinedMetadata: { adapted: Record<string, string[]> };
  };
  const [words] = Object.values(saved.userDefinedMetadata.adapted);
  assert.ok(words !== undefined && words.length > 60 && words.includes('word1'));
});

test('workers whose training texts differ do not train together', async () => {
  const [one, other] = [join(outputs, 'texts-1'), join(outputs, 'texts-2')];
  for (const directory of [one, other]) {
    mkdirSync(directory, { recursive: true });
    writeNews(directory, { train: 16, test: 8 });
  }
  writeFileSync(join(other, 'train.tsv'), readFileSync(join(one, 'train.tsv'), 'utf8').replaceAll('word1', 'wort1'));
  const job = join(repositoryRoot, 'examples/reuters-lstm.ts');
  const hashes = [];
  for (const directory of [one, other]) {
    const { code, stdout, stderr } = await lockstep([
      'train',
      job,
      '--data',
      directory,
      '--workers',
      '1',
      '--max-steps',
      '1',
      '--engine',
      engine,
      '--json',
    ]);
    assert.equal(code, 0, stderr);
    const { checkpoint } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { checkpoint: string };
    const text = readFileSync(join(checkpoint, 'model.json'), 'utf8');
    hashes.push((JSON.parse(text) as { userDefinedMetadata: { jobHash: string } }).userDefinedMetadata.jobHash);
  }
  assert.notEqual(hashes[0], hashes[1]);
});
