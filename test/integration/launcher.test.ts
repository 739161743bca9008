import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from '../../cli/launcher/index.ts';
import { planForTest } from '../support/launch-plan.ts';

const module = fileURLToPath(new URL('../support/fake-launch-child.js', import.meta.url));

afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('FAKE_')) delete process.env[name];
});

interface Observed {
  readonly outcome: Awaited<ReturnType<typeof launch>>;
  readonly lines: string[];
}

/** Runs one launch; `onLine` sees every line that a child or the launcher writes and may interrupt. */
async function run(
  scripts: Record<string, string>,
  onLine?: (line: string, interrupt: () => void) => void,
): Promise<Observed> {
  for (const [name, script] of Object.entries(scripts)) process.env[`FAKE_${name.toUpperCase()}`] = script;
  const lines: string[] = [];
  let interrupt = () => {};
  const take = (line: string) => {
    lines.push(line);
    onLine?.(line, interrupt);
  };
  const outcome = await launch(planForTest(Object.keys(scripts).length - 1), {
    module,
    stdout: take,
    stderr: take,
    say: take,
    interrupts: (listener) => {
      interrupt = listener;
      return () => {};
    },
  });
  return { outcome, lines };
}

/** Processes of this test that are alive or that nobody has reaped, from the kernel's own list. */
function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((entry) => entry !== '');
}

const needsProc = { skip: process.platform === 'linux' ? false : 'counts processes in /proc, which only Linux has' };

test('all processes that end well make a success, and none is left', needsProc, async () => {
  const { outcome } = await run({ coordinator: 'listen,exit-later=0', w0: 'exit=0', w1: 'exit=0' });
  assert.equal(outcome.exitCode, 0);
  assert.equal(outcome.failure, null);
  assert.deepEqual(childrenOf(process.pid), []);
});

test('a worker that is killed leads the report, before those that failed because of it', needsProc, async () => {
  const { outcome, lines } = await run({ coordinator: 'listen,exit-later=1', w0: 'wait', w1: 'kill' });
  assert.equal(outcome.exitCode, 1);
  assert.equal(outcome.failure?.code, 'run/worker-lost');
  assert.match(outcome.failure?.message ?? '', /^worker w1 \(pid \d+\) was killed by SIGKILL at \d{4}-/);
  assert.match(outcome.consequences[0] ?? '', /^coordinator \(pid \d+\) exited with code 1 \(\+\d\.\d s\)/);
  assert.ok(lines.some((line) => line.includes('w1 was killed by SIGKILL')));
  assert.deepEqual(childrenOf(process.pid), []);
});

test('a worker that leaves without a word leads the report with its exit code', needsProc, async () => {
  for (const code of [0, 3]) {
    const { outcome } = await run({ coordinator: 'listen,wait', w0: `exit=${code}` });
    assert.equal(outcome.exitCode, 1);
    assert.equal(outcome.failure?.code, 'run/worker-lost');
    assert.ok(outcome.failure?.message.includes(` ended before the run did (exit code ${code}) at `));
    assert.match(outcome.failure?.message ?? '', /^worker w0 /);
  }
});

test('a worker’s own error is the failure, with its name in front of its lines', needsProc, async () => {
  const { outcome, lines } = await run({ coordinator: 'listen,wait', w0: 'crash' });
  assert.equal(outcome.failure?.code, 'job/threw');
  assert.equal(outcome.failure?.message, 'w0 broke');
  assert.ok(lines.includes('[w0] error: job/threw: w0 broke'));
  assert.deepEqual(childrenOf(process.pid), []);
});

test('a killed coordinator is named as lost, with its pid and the time', needsProc, async () => {
  const { outcome } = await run({ coordinator: 'listen,kill', w0: 'wait', w1: 'wait' });
  assert.equal(outcome.exitCode, 1);
  assert.equal(outcome.failure?.code, 'run/coordinator-lost');
  assert.match(outcome.failure?.message ?? '', /^the coordinator \(pid \d+\) was killed by SIGKILL at /);
  assert.deepEqual(childrenOf(process.pid), []);
});

test('a coordinator that cannot listen ends the workers that wait for it', needsProc, async () => {
  const { outcome } = await run({ coordinator: 'exit=2', w0: 'wait' });
  assert.equal(outcome.exitCode, 2);
  assert.deepEqual(childrenOf(process.pid), []);
});

test('a stopped worker and one that ignores SIGTERM are killed', needsProc, async () => {
  const { outcome } = await run({ coordinator: 'listen,exit-later=1', w0: 'freeze', w1: 'stubborn' });
  assert.equal(outcome.exitCode, 1);
  assert.equal(outcome.consequences.filter((line) => line.includes('SIGKILL')).length, 2);
  assert.deepEqual(childrenOf(process.pid), []);
});

test('the first interrupt reaches only the coordinator, and the run ends with 130', needsProc, async () => {
  const { outcome } = await run({ coordinator: 'listen,interruptible', w0: 'wait' }, (line, interrupt) => {
    if (line === 'ready') interrupt();
  });
  assert.equal(outcome.exitCode, 130);
  assert.equal(outcome.failure?.code, 'run/interrupted');
  assert.deepEqual(childrenOf(process.pid), []);
});

test('the second interrupt ends processes that go on', needsProc, async () => {
  const { outcome } = await run({ coordinator: 'listen', w0: 'interruptible' }, (line, interrupt) => {
    if (!line.includes('ready')) return;
    interrupt();
    interrupt();
  });
  assert.equal(outcome.exitCode, 130);
  assert.deepEqual(childrenOf(process.pid), []);
});

test('children end when their launcher is killed', needsProc, async () => {
  const launcher = fork(fileURLToPath(new URL('../support/launcher-to-kill.js', import.meta.url)), { execArgv: [] });
  const [{ pids }] = (await once(launcher, 'message')) as [{ pids: number[] }];
  assert.equal(pids.length, 3);
  launcher.kill('SIGKILL');
  await once(launcher, 'exit');
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 10));
});

function isAlive(pid: number): boolean {
  try {
    // A process whose parent is gone may stay as a zombie where nothing reaps them; it runs no more.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] !== 'Z';
  } catch {
    return false;
  }
}
