import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isAlive, LockstepRun, removeOutputs } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const job = join(repositoryRoot, 'test/support/jobs/endless.ts');
const HEARTBEAT_TIMEOUT_MS = 2_000;

/** A run of three workers that is in the middle of training, and the pids of its processes. */
async function training(): Promise<{ run: LockstepRun; coordinator: number; workers: readonly number[] }> {
  const run = new LockstepRun(['train', job, '--workers', '3', '--heartbeat-timeout-ms', String(HEARTBEAT_TIMEOUT_MS)]);
  const stderr = await run.stderrMatches(/step \d+/);
  const { coordinator, workers } = run.children();
  assert.ok(coordinator !== undefined && workers.length === 3, `three workers train: ${stderr}`);
  return { run, coordinator, workers };
}

/** Pids that are still alive after at most `waitMs`; comes back as soon as none is. */
async function leftAfter(pids: readonly number[], waitMs: number): Promise<number[]> {
  const pauseMs = 50;
  for (let waited = 0; waited < waitMs && pids.some(isAlive); waited += pauseMs) await setTimeout(pauseMs);
  return pids.filter(isAlive);
}

test('kill -9 of the launcher leaves no process behind', async () => {
  const { run, coordinator, workers } = await training();
  run.signal('SIGKILL');
  await run.ended;
  assert.deepEqual(await leftAfter([coordinator, ...workers], 10_000), []);
});

test('Ctrl-C drains: the step is finished, the model is saved, the exit code is 130', async () => {
  const { run, coordinator, workers } = await training();
  run.signal('SIGINT');
  const { code, stderr } = await run.ended;
  assert.equal(code, 130, stderr);
  assert.ok(existsSync(join(run.out, 'model', 'model.json')), 'the model is saved');
  assert.deepEqual([coordinator, ...workers].filter(isAlive), []);
});

test('a second Ctrl-C stops at once and leaves no process', async () => {
  const { run, coordinator, workers } = await training();
  run.signal('SIGINT');
  run.signal('SIGINT');
  const { code, stderr } = await run.ended;
  assert.equal(code, 130, stderr);
  assert.deepEqual([coordinator, ...workers].filter(isAlive), []);
});
