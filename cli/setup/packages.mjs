import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { runCommand } from './run-command.mjs';

/**
 * @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockedPackage
 * @typedef {Readonly<Record<string, LockedPackage>>} LockedPackages keyed by path, '' is the project itself
 */

/**
 * Whether what npm recorded as installed is what the lock file asks for. npm writes that record last, so an
 * interrupted installation has none.
 * @param {LockedPackages} locked
 * @param {LockedPackages} installed
 * @param {(path: string) => boolean} isPresent
 * @returns {string | undefined} the first package that is missing or of another version
 */
export function findMismatch(locked, installed, isPresent) {
  for (const [path, { version, optional }] of Object.entries(locked)) {
    if (path === '') continue;
    const found = installed[path];
    if (found === undefined && optional) continue; // for another platform
    if (found?.version !== version || !isPresent(path)) return path;
  }
  return undefined;
}

/**
 * @param {string} packageRoot
 * @returns {boolean}
 */
export function arePackagesInstalled(packageRoot) {
  const record = join(packageRoot, 'node_modules', '.package-lock.json');
  const lock = join(packageRoot, 'package-lock.json');
  // Without a lock file lockstep is itself an installed package: npm has put its dependencies where they belong.
  if (!existsSync(lock)) return true;
  if (!existsSync(record)) return false;
  const isPresent = (/** @type {string} */ path) => existsSync(join(packageRoot, path, 'package.json'));
  return findMismatch(readPackages(lock), readPackages(record), isPresent) === undefined;
}

/**
 * Installs what package-lock.json names. Install scripts stay off: tfjs-node's would fetch an old TensorFlow.
 * Not `npm ci`: it refuses a lock file that leaves out an optional package of another platform (say, one written where
 * the registry has only some platforms). `install` takes the locked versions all the same and adds what is missing.
 * @param {string} packageRoot
 * @param {NodeJS.ProcessEnv} [env]
 */
export async function installPackages(packageRoot, env = process.env) {
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under `npm run`, that npm; it is a script that this Node runs.
  const npm = env['npm_execpath']?.endsWith('.js') ? env['npm_execpath'] : undefined;
  const result = npm
    ? await runCommand(process.execPath, [npm, ...args], { cwd: packageRoot })
    : await runCommand('npm', args, { cwd: packageRoot });
  if (result.code === 0) return;
  if (result.code === 127) throw new SetupFailure('npm is missing', ['install npm (it comes with Node.js)']);
  throw new SetupFailure(`npm install failed (exit status ${result.code}):\n${firstLines(result.stderr, 8)}`, [
    'check the network and npm’s configuration (npm config list), and run this again',
  ]);
}

/**
 * @param {string} file
 * @returns {LockedPackages}
 */
function readPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/**
 * npm says first what is wrong and then how it is used.
 * @param {string} text
 * @param {number} count
 */
function firstLines(text, count) {
  return text.trim().split('\n').slice(0, count).join('\n');
}
