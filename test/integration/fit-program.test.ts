import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type History, type LockstepError, train } from '../../index.ts';
import { repositoryRoot } from '../support/repository.ts';

const root = mkdtempSync(join(tmpdir(), 'lockstep-fit-'));
after(() => rmSync(root, { recursive: true, force: true }));

const engine = process.env['LOCKSTEP_ENGINE'] || 'tensorflow';
const jobPath = (name: string) => join(repositoryRoot, 'test/support/jobs', name);

interface Told {
  readonly history: History;
  readonly means: Readonly<Record<string, number>>;
  readonly both: readonly (readonly [string, number[], number[]])[];
  readonly alone: Told['both'];
  readonly refused: string;
}

test('one program defines a job, fits, evaluates and predicts on workers that run it as far as the job', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', jobPath('fit-program.ts'), root], {
    encoding: 'utf8',
    cwd: repositoryRoot,
    env: { ...process.env, FIT_ENGINE: engine },
  });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '', 'verbose: 0 tells nothing');
  const { history, means, both, alone, refused } = JSON.parse(stdout) as Told;
  assert.deepEqual(history.epoch, [0, 1]);
  assert.deepEqual(history.params, { epochs: 2, steps: 10 });
  assert.deepEqual(Object.keys(history.history), ['loss', 'accuracy', 'val_loss', 'val_accuracy']);
  for (const values of Object.values(history.history)) assert.equal(values.length, 2);
  assert.deepEqual(means, history.result.test);
  const [name, shape, values] = both[0] ?? assert.fail('no output');
  assert.deepEqual([name, shape], ['classes', [37, 10]]);
  for (let row = 0; row < 37; row++) {
    const sum = values.slice(row * 10, (row + 1) * 10).reduce((total, value) => total + value, 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, `row ${row} of the softmax sums to ${sum}`);
  }
  assert.deepEqual(both, alone);
  assert.equal(refused, 'config/invalid');
});

test('a job file that starts a run in every worker is refused', async () => {
  const run = train(pathToFileURL(jobPath('fit-in-job.ts')), { engine: 'cpu', out: join(root, 'refused') });
  await assert.rejects(
    run,
    ({ code, message }: LockstepError) => code === 'job/invalid' && /calls fit\(\)/.test(message),
  );
});
