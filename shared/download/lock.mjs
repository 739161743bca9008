import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Another process held the lock for longer than the caller wants to wait. */
export class LockTimeout extends Error {}

/**
 * @typedef {object} LockOwner
 * @property {string} host
 * @property {number} pid
 * @property {string} started start time of the process: a pid alone may have been given to another process since
 */

/** @typedef {{ isAlive: (owner: LockOwner) => boolean, pause: (ms: number) => Promise<unknown> }} LockDeps */

/** @type {LockDeps} */
const systemDeps = { isAlive: isOwnerAlive, pause: (ms) => delay(ms) };

/**
 * Runs `work` while holding a lock file, so that two processes at once do not write into each other's files. A lock whose owner
 * has died is taken over.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {{ onWait?: (owner: LockOwner) => void, deadlineMs?: number, deps?: LockDeps }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(file, work, { onWait, deadlineMs = 3_600_000, deps = systemDeps } = {}) {
  mkdirSync(dirname(file), { recursive: true });
  const pollMs = 500;
  for (let waitedMs = 0; !tryAcquire(file, deps.isAlive); waitedMs += pollMs) {
    const owner = readOwner(file);
    if (waitedMs === 0 && owner) onWait?.(owner);
    if (waitedMs >= deadlineMs) {
      throw new LockTimeout(`process ${owner?.pid} on ${owner?.host} has held ${file} for too long`);
    }
    await deps.pause(pollMs);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * @param {string} file
 * @param {LockDeps['isAlive']} isAlive
 */
function tryAcquire(file, isAlive) {
  const self = { host: hostname(), pid: process.pid, started: startTime(process.pid) };
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(self));
  try {
    // A link appears with its content: nobody can read a lock that is still being written.
    if (link(draft, file)) return true;
    const owner = readOwner(file);
    if (owner && isAlive(owner)) return false;
    return takeOver(file, draft, owner);
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Several processes may see the same dead owner. Each moves the lock aside and looks at what it moved: one that moved
 * its rival's new lock puts it back.
 * @param {string} file
 * @param {string} draft
 * @param {LockOwner | undefined} deadOwner
 */
function takeOver(file, draft, deadOwner) {
  const aside = `${draft}.stale`;
  try {
    renameSync(file, aside);
  } catch {
    return link(draft, file);
  }
  const moved = readOwner(aside);
  const isRival = moved?.pid !== deadOwner?.pid || moved?.started !== deadOwner?.started;
  if (isRival) link(aside, file);
  rmSync(aside, { force: true });
  return !isRival && link(draft, file);
}

/**
 * @param {string} from
 * @param {string} to
 * @returns {boolean} false when `to` exists
 */
function link(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @param {string} file
 * @returns {LockOwner | undefined} undefined when there is none any more, or it is not a lock
 */
function readOwner(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {LockOwner} owner */
function isOwnerAlive(owner) {
  if (owner.host !== hostname()) return true; // a cache on a shared disk: its machine cannot be asked
  return owner.started !== '' && startTime(owner.pid) === owner.started;
}

/**
 * @param {number} pid
 * @returns {string} clock ticks since boot, '' when there is no such process; the 22nd field, counted after the name, which may hold spaces
 */
function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
