import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { type LockOwner, RunLock, type StartOf } from '../../coordinator/journal/index.ts';
import { LockstepError } from '../../shared/core/index.ts';

const root = mkdtempSync(join(tmpdir(), 'lockstep-lock-'));
after(() => rmSync(root, { recursive: true }));
let out = root;
beforeEach(() => {
  out = mkdtempSync(join(root, 'out-'));
});

const starts =
  (processes: Readonly<Record<number, string>>): StartOf =>
  (pid) =>
    processes[pid] ?? null;
const leave = (owner: Partial<LockOwner>) =>
  writeFileSync(
    join(out, 'run.lock'),
    JSON.stringify({ pid: 4711, host: hostname(), start: '100', since: '2026-01-01T00:00:00.000Z', ...owner }),
  );
const isInUse = (words: RegExp) => (error: unknown) =>
  error instanceof LockstepError && error.code === 'config/invalid' && words.test(error.message);

test('of two runs with one output directory the second is refused with the pid of the first', () => {
  const lock = RunLock.acquire(out);
  assert.throws(() => RunLock.acquire(out), isInUse(new RegExp(`in use by another run \\(pid ${process.pid} on `)));
  lock.release();
  RunLock.acquire(out).release();
  assert.deepEqual(readdirSync(out), []);
});

test('the lock of a process that runs is respected', () => {
  leave({});
  assert.throws(() => RunLock.acquire(out, starts({ 4711: '100' })), isInUse(/pid 4711 .* since 2026-01-01/));
});

test('the lock of a dead process of this host is taken over', () => {
  leave({});
  const lock = RunLock.acquire(out, starts({ [process.pid]: '200' }));
  const owner = JSON.parse(readFileSync(join(out, 'run.lock'), 'utf8')) as LockOwner;
  assert.deepEqual([owner.pid, owner.start], [process.pid, '200']);
  assert.deepEqual(readdirSync(out), ['run.lock']);
  lock.release();
});

test('a pid that another process has by now is no reason to refuse, not even when it is our own', () => {
  leave({});
  RunLock.acquire(out, starts({ 4711: '555' })).release();
  leave({ pid: process.pid });
  RunLock.acquire(out, starts({ [process.pid]: '555' })).release();
});

test('the lock of another host is respected, because nobody here can tell whether its process lives', () => {
  leave({ host: 'elsewhere' });
  assert.throws(() => RunLock.acquire(out, starts({})), isInUse(/on elsewhere.*remove .*run\.lock/));
});

test('a lock without sense is respected', () => {
  writeFileSync(join(out, 'run.lock'), 'x');
  assert.throws(() => RunLock.acquire(out), isInUse(/in use by another run;/));
});

test('who lost the lock does not remove the next one’s', () => {
  const lock = RunLock.acquire(out);
  leave({});
  lock.release();
  assert.ok(existsSync(join(out, 'run.lock')));
});
