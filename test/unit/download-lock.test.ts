import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { withLock } from '../../shared/download/index.ts';

function makeDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-lock-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('the lock is held during the work, then gone, also when the work fails', async (t) => {
  const directory = makeDirectory(t);
  const file = join(directory, 'engine.lock');
  const result = await withLock(file, async () => {
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).pid, process.pid);
    return 7;
  });
  assert.equal(result, 7);
  await assert.rejects(
    withLock(file, async () => {
      throw new Error('no room');
    }),
    /no room/,
  );
  assert.deepEqual(readdirSync(directory), []);
});

test('the lock of a dead process is taken over without waiting', async (t) => {
  const directory = makeDirectory(t);
  const file = join(directory, 'engine.lock');
  // Above the largest pid that Linux gives out.
  writeFileSync(file, JSON.stringify({ host: hostname(), pid: 2 ** 23, started: '12345' }));
  const pause = async () => assert.fail('waited');
  await withLock(file, async () => assert.ok(existsSync(file)), { deps: await depsWith(pause) });
  assert.deepEqual(readdirSync(directory), []);
});

test('a pid that now belongs to another process does not hold the lock', async (t) => {
  const file = join(makeDirectory(t), 'engine.lock');
  writeFileSync(file, JSON.stringify({ host: hostname(), pid: process.pid, started: 'earlier' }));
  await withLock(file, async () => {});
});

test('a lock that is no lock file (its disk was full) is taken over', async (t) => {
  const file = join(makeDirectory(t), 'engine.lock');
  writeFileSync(file, '');
  await withLock(file, async () => {});
});

test('a second set-up waits for the first and then works', async (t) => {
  const file = join(makeDirectory(t), 'engine.lock');
  const order: string[] = [];
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = withLock(file, async () => {
    await released;
    order.push('first');
  });
  const waits: number[] = [];
  const second = withLock(file, async () => order.push('second'), {
    onWait: ({ pid }) => waits.push(pid),
    deps: {
      isAlive: () => true,
      pause: async () => {
        release();
        await first;
      },
    },
  });
  await Promise.all([first, second]);
  assert.deepEqual(order, ['first', 'second']);
  assert.deepEqual(waits, [process.pid]);
});

test('a lock that is never released ends in a message that names its owner', async (t) => {
  const file = join(makeDirectory(t), 'engine.lock');
  writeFileSync(file, JSON.stringify({ host: 'elsewhere', pid: 42, started: '1' }));
  const deps = { isAlive: () => true, pause: async () => {} };
  const waiting = withLock(file, async () => assert.fail('ran'), { deadlineMs: 2000, deps });
  await assert.rejects(waiting, /process 42 on elsewhere/);
  assert.ok(existsSync(file));
});

async function depsWith(pause: () => Promise<unknown>) {
  return { isAlive: () => false, pause };
}
