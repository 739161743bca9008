import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunResult } from '../../coordinator/index.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { isAlive, LockstepRun, outputs, removeOutputs } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

const { skip } = await openEngine('tensorflow');
after(removeOutputs);

const job = join(repositoryRoot, 'test/support/jobs/elastic.ts');
const HEARTBEAT_TIMEOUT_MS = 2_000;
const pauseFile = join(outputs, 'step-pause');

interface Undisturbed {
  readonly result: Pick<RunResult, 'weightsSha256' | 'test' | 'stopped' | 'samples'>;
  /** Epochs without their times. */
  readonly epochs: readonly unknown[];
  readonly csv: string;
}

let undisturbed: Undisturbed;

/** Steps take long until `goFast`. */
function start(workers: string): LockstepRun {
  mkdirSync(outputs, { recursive: true });
  writeFileSync(pauseFile, '300');
  const args = ['train', job, '--workers', workers, '--replicas', '4', '--json'];
  return new LockstepRun([...args, '--heartbeat-timeout-ms', String(HEARTBEAT_TIMEOUT_MS)], {
    STEP_PAUSE_FILE: pauseFile,
  });
}

function goFast(): void {
  writeFileSync(pauseFile, '0');
}

async function resultOf(run: LockstepRun): Promise<Undisturbed & { readonly stderr: string }> {
  const pids = run.descendants();
  const { code, stdout, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(pids.filter(isAlive), [], 'no process is left');
  const { weightsSha256, history, test: measured, stopped, samples } = JSON.parse(stdout) as RunResult;
  const result = { weightsSha256, test: measured, stopped, samples };
  const epochs = history.map(({ seconds: _, ...epoch }) => epoch);
  return { result, epochs, csv: readFileSync(join(run.out, 'training.csv'), 'utf8'), stderr };
}

before(async () => {
  if (skip !== false) return;
  const run = start('1');
  goFast();
  const { stderr: _, ...given } = await resultOf(run);
  undisturbed = given;
});

test('workers die, rank 0 among them, and come again: the result is that of an undisturbed worker', {
  skip,
}, async () => {
  const run = start('3');
  await run.stderrMatches(/epoch 1\/8 step \d+/);
  process.kill(run.worker('w0'), 'SIGKILL');
  await run.stderrMatches(/generation 3: 3 workers.*\n.*samples/);
  process.kill(run.worker('w2'), 'SIGKILL');
  process.kill(run.worker('w1'), 'SIGKILL');
  await run.stderrMatches(/generation 4: /);
  goFast();
  const { stderr, ...given } = await resultOf(run);
  assert.match(stderr, /worker w0 \(pid \d+ on .+\) was lost .*its connection closed/);
  assert.match(stderr, /generation 2: 2 workers go on after \d+ steps/);
  assert.match(stderr, /worker w0 \(pid \d+ on .+\) joins/);
  assert.deepEqual(given, undisturbed);
});

test('a stopped worker is given up after the heartbeat timeout, killed, and started again', { skip }, async () => {
  const run = start('2');
  await run.stderrMatches(/epoch 1\/8 step \d+/);
  const stopped = run.worker('w1');
  process.kill(stopped, 'SIGSTOP');
  await run.stderrMatches(/generation 3: /);
  goFast();
  const { stderr, ...given } = await resultOf(run);
  assert.match(stderr, /worker w1 .* was lost .*no heartbeat for \d+ ms/);
  assert.match(stderr, /generation 2: 1 worker goes on/);
  assert.ok(!isAlive(stopped));
  assert.deepEqual(given, undisturbed);
});

test('the coordinator is killed: workers train on, it comes back, and nothing changes in the result', {
  skip,
}, async () => {
  const run = start('2');
  await run.stderrMatches(/epoch 1\/8 step \d+/);
  process.kill(run.children().coordinator ?? 0, 'SIGKILL');
  await run.stderrMatches(/the coordinator is back: generation 1/);
  process.kill(run.worker('w0'), 'SIGKILL');
  await run.stderrMatches(/generation 3: /);
  process.kill(run.children().coordinator ?? 0, 'SIGKILL');
  await run.stderrMatches(/the coordinator is back: generation 3/);
  goFast();
  const { stderr, ...given } = await resultOf(run);
  assert.match(stderr, /coordinator was killed by SIGKILL; the workers train on/);
  assert.deepEqual(given, undisturbed);
});
