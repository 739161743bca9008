import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LockstepRun, outputs, type RunJson, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

const disk = join(outputs, 'disk');
let skip: string | false = false;
mkdirSync(disk, { recursive: true });
// A checkpoint of the job has 75 KB.
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'lockstep-test', disk], { encoding: 'utf8' });
if (mounted.status !== 0)
  skip = `a file system of 64 KB cannot be mounted: ${mounted.stderr || mounted.error?.message}`;

const job = [join(repositoryRoot, 'test/support/jobs/small.ts'), '--engine', 'cpu', '--epochs', '1'];
let whole: RunJson | undefined;
before(async () => {
  if (skip === false) whole = await trainJson(job);
});
after(() => {
  if (mounted.status === 0) spawnSync('umount', [disk]);
  removeOutputs();
});

test('a disk that is full stops nothing: training goes on, and each checkpoint that is missing is told of', {
  skip,
}, async () => {
  const run = new LockstepRun(['train', ...job, '--checkpoint', disk, '--checkpoint-every', '1steps', '--json']);
  const ended = await run.ended;
  assert.equal(ended.code, 0, ended.stderr);
  const { weightsSha256, resumeFrom } = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as RunJson;
  assert.equal(weightsSha256, whole?.weightsSha256);
  assert.equal(resumeFrom, undefined);
  assert.match(ended.stderr, /warning: checkpoint\/write: the checkpoint of step 3 in .*ENOSPC.*; training goes on/);
  assert.deepEqual(readdirSync(disk), [], 'nothing half-written takes up what is left');
});
