import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string} directory that may be deleted at any time: set-up fills it again
 */
export function cacheDirectory(env = process.env) {
  if (env['LOCKSTEP_CACHE']) return resolve(env['LOCKSTEP_CACHE']);
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'lockstep');
}
