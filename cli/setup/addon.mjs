import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { napiVersion } from './engine-location.mjs';
import { fallbacks, SetupFailure } from './failure.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** Part of the cache key: raise it when the way in which the addon is compiled changes. */
const recipe = ['-O2', '-std=c++17', '-fPIC', '-shared', `-DNAPI_VERSION=${napiVersion}`, '-DBUILDING_NODE_EXTENSION'];

/**
 * @param {string} tfjsNode directory of the tfjs-node-gpu package
 * @returns {string} the same for the same addon sources and recipe
 */
export function addonKey(tfjsNode) {
  const directory = join(tfjsNode, 'binding');
  const sources = readdirSync(directory).sort();
  return hashInputs([...recipe, ...sources.flatMap((name) => [name, readFileSync(join(directory, name))])]);
}

/**
 * @param {readonly (string | Uint8Array)[]} inputs
 * @returns {string} 12 hex digits; each input is preceded by its length, so that moving a boundary changes the key
 */
export function hashInputs(inputs) {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${input.length}:`).update(input);
  return hash.digest('hex').slice(0, 12);
}

/**
 * Compiles tfjs-node's addon against a libtensorflow.
 * @param {object} options
 * @param {string} options.compiler
 * @param {string} options.tfjsNode
 * @param {import('./library.mjs').Library} options.library
 * @param {string} options.rpath where the addon looks for the library at run time
 * @param {string} options.output
 */
export async function compileAddon({ compiler, tfjsNode, library, rpath, output }) {
  const headers = dirname(createRequire(join(tfjsNode, 'package.json')).resolve('node-api-headers/package.json'));
  const sources = readdirSync(join(tfjsNode, 'binding')).filter((name) => name.endsWith('.cc'));
  mkdirSync(dirname(output), { recursive: true });
  const args = [
    ...recipe,
    ...[tfjsNode, library.include, join(headers, 'include')].map((directory) => `-I${directory}`),
    ...sources.map((name) => join(tfjsNode, 'binding', name)),
    ...library.files.map((name) => join(library.directory, name)),
    `-Wl,-rpath,${rpath}`,
    ...['-o', output],
  ];
  const result = await runCommand(compiler, args);
  if (result.code === 0) return;
  throw new SetupFailure(
    `${compiler} could not compile the TensorFlow addon (exit status ${result.code}):\n${lastLines(result, 15)}`,
    ['use a compiler that knows C++17 (g++ 8 or later), named in CXX if it is not the default', fallbacks.cpuEngine],
  );
}
