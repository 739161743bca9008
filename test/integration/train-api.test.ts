import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type LockstepError, type TrainOptions, type TrainResult, train } from '../../index.ts';
import { repositoryRoot } from '../support/repository.ts';

const root = mkdtempSync(join(tmpdir(), 'lockstep-api-'));
after(() => rmSync(root, { recursive: true, force: true }));

const job = (name: string) => join(repositoryRoot, 'test/support/jobs', name);
/** Plain JavaScript: what is tested here is the way to the processes and back. */
const options: TrainOptions = { engine: 'cpu', eager: true, workers: 2, out: join(root, 'out') };

test('a program gets the result, with the model saved and nothing on standard output', () => {
  // In a process of its own, because the test runner speaks over this one's standard output.
  const program = `
    import { train } from ${JSON.stringify(new URL('../../index.js', import.meta.url).href)};
    console.error(JSON.stringify(await train(${JSON.stringify(job('small.ts'))}, ${JSON.stringify({ ...options, maxSteps: 2 })})));
  `;
  const args = ['--input-type=module', '--eval', program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '');
  const result = JSON.parse(stderr) as TrainResult;
  assert.equal(result.steps, 2);
  assert.equal(result.workers, 2);
  assert.equal(result.samples, 72);
  assert.match(result.weightsSha256, /^[0-9a-f]{64}$/);
  assert.ok(existsSync(join(result.checkpoint, 'model.json')));
  assert.deepEqual(JSON.parse(readFileSync(join(root, 'out', 'result.json'), 'utf8')), result);
});

test('a wrong option rejects before anything is started', async () => {
  const out = join(root, 'never');
  const wrong = { ...options, out, workers: 0 };
  await assert.rejects(train(job('small.ts'), wrong), { code: 'config/invalid', message: /"workers": 0: expected/ });
  const unknown = { ...options, out, wrokers: 2 } as TrainOptions;
  await assert.rejects(train(job('small.ts'), unknown), { code: 'config/unknown', message: /did you mean "workers"/ });
  await assert.rejects(train(job('none.ts'), { ...options, out }), { code: 'job/not-found' });
  assert.ok(!existsSync(out));
});

test('the failure of a worker rejects with its own code', async () => {
  const run = train(job('small.ts'), { ...options, workers: 1, replicas: 5, maxSteps: 1 });
  await assert.rejects(run, (error: LockstepError) => error.code === 'config/invalid' && /36/.test(error.message));
});

test('aborting ends the run early with the model saved, and leaves no process', async () => {
  const controller = new AbortController();
  const out = join(root, 'aborted');
  const run = train(job('small.ts'), { ...options, out, epochs: 1000, signal: controller.signal });
  const journal = join(out, 'journal.log');
  // Training has begun once the journal tells of a generation.
  const watch = setInterval(() => {
    if (existsSync(journal) && readFileSync(journal, 'utf8').includes('generation')) controller.abort();
  }, 20);
  const result = await run.finally(() => clearInterval(watch));
  assert.equal(result.drained, true);
  assert.ok(readdirSync(join(out, 'model')).includes('model.json'));
  if (process.platform === 'linux') {
    assert.equal(readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim(), '');
  }
});
