import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { codeBlocks } from '../support/documents.ts';
import { parseManifest } from '../support/kubernetes-schema.ts';
import { outputs, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

// Inside of the package, where `lockstep` means this very one.
const directory = mkdtempSync(join(repositoryRoot, 'dist', 'example-jobs-'));
after(() => {
  rmSync(directory, { recursive: true });
  removeOutputs();
});

const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8');
const job = codeBlocks(readme, 'ts').find((code) => code.includes('defineJob')) ?? '';
const manifest = parseManifest(readFileSync(join(repositoryRoot, 'deploy', 'kubernetes', 'lockstep.yaml'), 'utf8'));
const configMap = manifest.find(({ kind }) => kind === 'ConfigMap') as unknown as { data: Record<string, string> };

async function typeErrors(name: string, code: string): Promise<string> {
  const file = join(directory, name);
  writeFileSync(file, code);
  const tsc = join(repositoryRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext'];
  try {
    await promisify(execFile)(process.execPath, [tsc, ...options, '--types', 'node', file]);
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test('the README’s job has no type error and trains, wherever its file is', async () => {
  assert.equal(await typeErrors('readme.ts', job), '');
  mkdirSync(outputs, { recursive: true });
  const file = join(outputs, 'readme-job.ts');
  writeFileSync(file, job);
  const engine = process.env['LOCKSTEP_ENGINE'] || 'tensorflow';
  const result = await trainJson([file, '--workers', '2', '--max-steps', '2', '--engine', engine]);
  assert.equal(result.steps, 2);
});

test('the README’s job takes about 20 lines', () => {
  const lines = job.trim().split('\n').length;
  assert.ok(lines > 10 && lines <= 25, `${lines} lines`);
});

test('the Kubernetes manifest’s job has no type error', async () => {
  assert.equal(await typeErrors('manifest.ts', configMap.data['job.ts'] ?? ''), '');
});

test('a type error in a job is found', async () => {
  assert.match(
    await typeErrors('wrong.ts', job.replace('batchSize: 32', "batchSize: 'many'")),
    /Type 'string' is not assignable/,
  );
});
