/**
 * Where the TensorFlow engine is kept and whether this checkout is linked to it. Set-up writes these places, `doctor`
 * and the workers read them, so this module knows nothing else.
 *
 * <cache>/engine/tensorflow-2.21.0-cpu-linux-x64/        one download, shared by all checkouts of a user
 *   tensorflow/libtensorflow_cc.so.2, …, include/        as in the wheel (and nvidia/ beside it for CUDA)
 *   addon-<key>/tfjs_binding.node, engine.json           tfjs-node's addon compiled against it
 * node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node → that addon
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export { cacheDirectory } from '../../shared/download/cache-directory.mjs';

export const tensorflowVersion = '2.21.0';

/** The newest Node-API version that tfjs-node 4.22.0 names; its addon is looked up under this number. */
export const napiVersion = 8;

/**
 * @typedef {object} EngineManifest what an addon was built from, kept beside it as engine.json
 * @property {string} [tensorflow] version, of a downloaded library
 * @property {string} [given] what LOCKSTEP_LIBTENSORFLOW was, of a library that the user pointed to
 * @property {'cpu' | 'cuda' | 'custom'} accelerator `custom`: a given library
 * @property {string} library directory of libtensorflow
 * @property {string} builtAt ISO 8601
 */

/**
 * @typedef {{ state: 'no-packages' }
 *   | { state: 'missing', link: string }
 *   | { state: 'foreign', link: string }
 *   | { state: 'linked', link: string, addon: string, manifest: EngineManifest }} EngineLocation
 *   `foreign`: an addon is there that set-up did not build
 */

/**
 * Directory of the installed tfjs-node-gpu package, wherever npm put it.
 * @param {string} packageRoot
 * @returns {string | undefined}
 */
export function findTfjsNode(packageRoot) {
  try {
    return dirname(createRequire(join(packageRoot, 'package.json')).resolve('@tensorflow/tfjs-node-gpu/package.json'));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} tfjsNode directory of the tfjs-node-gpu package
 * @returns {string} the path at which it looks for its addon
 */
export function addonLink(tfjsNode) {
  return join(tfjsNode, 'lib', `napi-v${napiVersion}`, 'tfjs_binding.node');
}

/**
 * @param {string} packageRoot
 * @returns {EngineLocation}
 */
export function locateEngine(packageRoot) {
  const tfjsNode = findTfjsNode(packageRoot);
  if (tfjsNode === undefined) return { state: 'no-packages' };
  const link = addonLink(tfjsNode);
  if (!existsSync(link)) return { state: 'missing', link }; // also a link whose cache was deleted
  const addon = realpathSync(link);
  const manifest = readManifest(dirname(addon));
  return manifest === undefined ? { state: 'foreign', link } : { state: 'linked', link, addon, manifest };
}

/**
 * @param {string} addonDirectory
 * @returns {EngineManifest | undefined} undefined when the addon, its manifest or its library is gone
 */
export function readManifest(addonDirectory) {
  try {
    if (!existsSync(join(addonDirectory, 'tfjs_binding.node'))) return undefined;
    /** @type {EngineManifest} */
    const manifest = JSON.parse(readFileSync(join(addonDirectory, 'engine.json'), 'utf8'));
    return existsSync(manifest.library) ? manifest : undefined;
  } catch {
    return undefined;
  }
}
