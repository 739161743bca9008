import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cifarFile } from '../support/data-fixtures.ts';
import { programOf } from '../support/page-programs.ts';
import { findPythonWithTensorFlow } from '../support/python-tensorflow.ts';
import { repositoryRoot } from '../support/repository.ts';

const page = join(repositoryRoot, 'docs/keras-chapter.md');
const python = findPythonWithTensorFlow();
const withoutKeras = python === undefined ? 'no Python with TensorFlow' : false;
const root = mkdtempSync(join(tmpdir(), 'lockstep-chapter-'));
const data = join(root, 'data');
after(() => rmSync(root, { recursive: true, force: true }));

/** A package that has Lockstep as a dependency, and a few samples of each data set for both columns. */
before(() => {
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(root, 'node_modules'));
  symlinkSync(repositoryRoot, join(root, 'node_modules/lockstep'));
  mkdirSync(data);
  const labels = (count: number) => Array.from({ length: count }, (_, index) => (index * 7) % 10);
  writeFileSync(join(data, 'data_batch_1.bin'), cifarFile(labels(80)));
  writeFileSync(join(data, 'test_batch.bin'), cifarFile(labels(13)));
  copyFileSync(join(repositoryRoot, 'test/parity/goldens/data/reuters.npz'), join(data, 'reuters.npz'));
});

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>>): string {
  const options = { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(program, [...args], options);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout;
}

function runKeras(file: string): string {
  return run(python ?? 'python3', [join(repositoryRoot, 'test/parity/keras_chapter.py'), file, data], {});
}

function runLockstep(file: string): string {
  return run(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
    LOCKSTEP_DATA: data,
    LOCKSTEP_EPOCHS: '1',
  });
}

/** What the last line, a shape, says. */
const shapeOf = (output: string) => (output.trimEnd().split('\n').at(-1) ?? '').match(/\d+/g)?.map(Number);

const programs = [
  { section: 'Images', name: 'image', shape: [13, 10] },
  { section: 'Text', name: 'text', shape: [8, 46] },
] as const;

for (const { section, name, shape } of programs) {
  describe(`the chapter’s program for ${section.toLowerCase()}`, () => {
    test('trains, evaluates and predicts in Keras', { skip: withoutKeras }, () => {
      const file = join(root, `${name}.py`);
      writeFileSync(file, programOf(page, section, 'python'));
      const output = runKeras(file);
      assert.deepEqual(shapeOf(output), shape, output);
      for (const key of ['val_accuracy', 'val_loss']) assert.ok(output.includes(key), output);
    });

    test('does the same in Lockstep on 2 workers', () => {
      const file = join(root, `${name}.ts`);
      writeFileSync(file, programOf(page, section, 'ts'));
      const output = runLockstep(file);
      assert.deepEqual(shapeOf(output), shape, output);
      for (const key of ['val_accuracy', 'val_loss']) assert.ok(output.includes(key), output);
    });
  });
}
