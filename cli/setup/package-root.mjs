import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The directory of the lockstep package. These modules run from `cli/setup` and, compiled, from `dist/cli/setup`, so
 * the root is searched for upwards. `cli/lockstep.mjs` is never compiled: it tells the root from a `dist` folder into
 * which a compiler copied package.json.
 * @param {string} [from] file URL to start at
 * @returns {string}
 */
export function findPackageRoot(from = import.meta.url) {
  for (let directory = dirname(fileURLToPath(from)); ; directory = dirname(directory)) {
    if (isLockstep(directory)) return directory;
    if (directory === dirname(directory)) throw new Error(`no lockstep package above ${fileURLToPath(from)}`);
  }
}

/** @param {string} directory */
function isLockstep(directory) {
  const manifest = join(directory, 'package.json');
  if (!existsSync(manifest) || !existsSync(join(directory, 'cli', 'lockstep.mjs'))) return false;
  return JSON.parse(readFileSync(manifest, 'utf8')).name === 'lockstep';
}
