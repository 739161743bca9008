import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { LockTimeout, withLock } from '../../shared/download/lock.mjs';
import { addonKey, compileAddon } from './addon.mjs';
import { checkBuildTools } from './checks.mjs';
import {
  addonLink,
  cacheDirectory,
  findTfjsNode,
  locateEngine,
  readManifest,
  tensorflowVersion,
} from './engine-location.mjs';
import { fallbacks, SetupFailure } from './failure.mjs';
import { identifyLibrary, linkedFiles, openGivenLibrary } from './library.mjs';
import { probeBuildTools, probeMachine } from './machine.mjs';
import { smokeTest } from './smoke-test.mjs';
import { engineRequirement } from './wheel-index.mjs';
import { extractWheel, fetchWheels } from './wheels.mjs';

/**
 * @typedef {import('./wheels.mjs').Reporter} Reporter
 * @typedef {import('./library.mjs').Library} Library
 */

/**
 * @typedef {object} EnginePlan which engine this set-up is to provide, and where it is cached
 * @property {'cpu' | 'cuda' | 'custom'} accelerator
 * @property {string} home its directory in the cache
 * @property {Library | undefined} given the user's own library
 * @property {string} title for the step's line
 */

/** Download, unpacked files and room to build, measured for 2.21.0. */
const neededBytes = { cpu: 1.5e9, cuda: 9.5e9, custom: 5e7 };

/**
 * @param {string} packageRoot
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {EnginePlan}
 */
export function planEngine(packageRoot, env = process.env) {
  const engines = join(cacheDirectory(env), 'engine');
  const choice = chooseEngine(packageRoot, env);
  if ('libraryPath' in choice) {
    const given = openGivenLibrary(choice.libraryPath);
    const home = join(engines, `custom-${identifyLibrary(given)}`);
    return { accelerator: 'custom', home, given, title: `TensorFlow from ${given.directory}` };
  }
  const { accelerator } = choice;
  const name = `tensorflow-${tensorflowVersion}-${accelerator}-${process.platform}-${process.arch}`;
  return {
    accelerator,
    home: join(engines, name),
    given: undefined,
    title: `TensorFlow ${tensorflowVersion} (${accelerator})`,
  };
}

/**
 * @param {string} packageRoot
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ libraryPath: string } | { accelerator: 'cpu' | 'cuda' }}
 */
function chooseEngine(packageRoot, env) {
  if (env['LOCKSTEP_LIBTENSORFLOW']) return { libraryPath: env['LOCKSTEP_LIBTENSORFLOW'] };
  const wanted = env['LOCKSTEP_ACCELERATOR'];
  if (wanted === 'cpu' || wanted === 'cuda') return { accelerator: wanted };
  if (wanted) throw new SetupFailure(`LOCKSTEP_ACCELERATOR=${wanted}: expected cpu or cuda`, ['unset it for cpu']);
  // A checkout keeps the engine that it was once set up with when a later command does not name it again.
  const engine = locateEngine(packageRoot);
  if (engine.state !== 'linked') return { accelerator: 'cpu' };
  if (engine.manifest.given !== undefined) return { libraryPath: engine.manifest.given };
  return { accelerator: engine.manifest.accelerator === 'cuda' ? 'cuda' : 'cpu' };
}

/**
 * Makes the planned engine loadable from this checkout.
 * @param {string} packageRoot
 * @param {EnginePlan} plan
 * @param {Reporter} report
 * @returns {Promise<string>} what was done, for the step's line
 */
export async function provideEngine(packageRoot, plan, report) {
  const tfjsNode = findTfjsNode(packageRoot);
  if (tfjsNode === undefined) throw new Error('npm packages are installed but tfjs-node-gpu is not among them');
  const addonDirectory = join(plan.home, `addon-${addonKey(tfjsNode)}`);
  const wasCached = readManifest(addonDirectory) !== undefined;
  if (!wasCached) {
    const onWait = ({ pid = 0 }) => report.note(`another set-up (process ${pid}) is at it; waiting for it`);
    await withLock(`${plan.home}.lock`, () => buildEngine(tfjsNode, plan, addonDirectory, report), { onWait }).catch(
      (error) => {
        if (!(error instanceof LockTimeout)) throw error;
        throw new SetupFailure(`another set-up: ${error.message}`, [
          'end that process, or delete the file if there is none, and run set-up again',
        ]);
      },
    );
  }
  const addon = join(addonDirectory, 'tfjs_binding.node');
  const stamp = `${addon} ${process.version}\n`;
  const stampFile = join(dirname(addonLink(tfjsNode)), 'lockstep-verified');
  const isLinked = linkAddon(addon, addonLink(tfjsNode));
  if (isLinked && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return 'already there';
  report.progress('training one op');
  const test = await smokeTest(packageRoot);
  if (!test.ok) throw smokeFailure(test.reason, plan);
  writeFileSync(stampFile, stamp);
  const origin = wasCached ? 'from this user’s cache' : 'built';
  return `${origin}; TensorFlow ${test.tensorflow} trained one op${test.gpu ? ' on the GPU' : ''}`;
}

/**
 * Runs under the lock. Whatever it makes is made beside its place and renamed into it when whole.
 * @param {string} tfjsNode
 * @param {EnginePlan} plan
 * @param {string} addonDirectory
 * @param {Reporter} report
 */
async function buildEngine(tfjsNode, plan, addonDirectory, report) {
  if (readManifest(addonDirectory) !== undefined) return; // the set-up that held the lock before built it
  const unpacked = join(plan.home, 'tensorflow');
  const download = plan.given === undefined && !existsSync(unpacked);
  const tools = await probeBuildTools();
  const needs = { download, neededBytes: download ? neededBytes[plan.accelerator] : neededBytes.custom };
  const failed = checkBuildTools(probeMachine(), tools, needs).find(({ status }) => status === 'fail');
  if (failed) throw new SetupFailure(failed.found, failed.remedies);
  if (download) await downloadEngine(plan, tools.python?.command ?? 'python3', report);
  const library = plan.given ?? {
    path: unpacked,
    directory: unpacked,
    files: linkedFiles(unpacked),
    include: join(unpacked, 'include'),
  };
  report.progress('compiling the addon (about 20 s)');
  const draft = `${addonDirectory}.draft`;
  rmSync(draft, { recursive: true, force: true }); // of a set-up that was killed
  try {
    await compileAddon({
      compiler: tools.compiler?.command ?? 'g++',
      tfjsNode,
      library,
      rpath: plan.given ? library.directory : '$ORIGIN/../tensorflow',
      output: join(draft, 'tfjs_binding.node'),
    });
    /** @type {import('./engine-location.mjs').EngineManifest} */
    const manifest = {
      ...(plan.given ? { given: plan.given.path } : { tensorflow: tensorflowVersion }),
      accelerator: plan.accelerator,
      library: library.directory,
      builtAt: new Date().toISOString(),
    };
    writeFileSync(join(draft, 'engine.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    rmSync(addonDirectory, { recursive: true, force: true });
    renameSync(draft, addonDirectory);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/**
 * @param {EnginePlan} plan
 * @param {string} python
 * @param {Reporter} report
 */
async function downloadEngine({ accelerator, home }, python, report) {
  const downloads = join(home, 'download');
  const kind = accelerator === 'cuda' ? 'cuda' : 'cpu';
  const requirement = engineRequirement({ version: tensorflowVersion, accelerator: kind, arch: process.arch });
  const wheels = await fetchWheels({ python, directory: downloads, requirement, report });
  const draft = join(home, 'unpacking');
  rmSync(draft, { recursive: true, force: true });
  const headers = ['tensorflow/c/', 'tensorflow/core/platform/', 'tsl/', 'xla/tsl/'];
  for (const wheel of wheels) {
    report.progress('unpacking');
    if (/(^|\/)nvidia[^/]*$/.test(wheel)) {
      await extractWheel({ python, wheel, target: draft, prefixes: ['nvidia/'], report });
    } else {
      // 488 headers of the 13,000 in the wheel: those that the C API and the addon's include lines reach lie there.
      const include = { prefixes: headers.map((path) => `tensorflow/include/${path}`), suffixes: ['.h'] };
      await extractWheel({ python, wheel, target: draft, prefixes: ['tensorflow/libtensorflow_'], report });
      await extractWheel({ python, wheel, target: draft, ...include, report });
    }
  }
  // The library's RUNPATH looks for CUDA in ../nvidia/*/lib: keep them side by side, and put it there before the
  // directory whose presence means that all is there.
  if (existsSync(join(draft, 'nvidia'))) replace(join(draft, 'nvidia'), join(home, 'nvidia'));
  replace(join(draft, 'tensorflow'), join(home, 'tensorflow'));
  rmSync(draft, { recursive: true, force: true });
  rmSync(downloads, { recursive: true, force: true });
}

/**
 * @param {string} from
 * @param {string} to
 */
function replace(from, to) {
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}

/**
 * @param {string} addon
 * @param {string} link
 * @returns {boolean} whether it was linked already
 */
function linkAddon(addon, link) {
  if (linkTarget(link) === addon) return true;
  mkdirSync(dirname(link), { recursive: true });
  const draft = `${link}.${process.pid}`;
  rmSync(draft, { force: true });
  symlinkSync(addon, draft);
  renameSync(draft, link);
  return false;
}

/**
 * @param {string} reason
 * @param {EnginePlan} plan
 */
function smokeFailure(reason, { given, home }) {
  const remedies = given
    ? ['point LOCKSTEP_LIBTENSORFLOW to a TensorFlow 2.9 or later for this machine, or unset it', fallbacks.cpuEngine]
    : [`delete ${home} and run this again, in case its files were damaged`, fallbacks.ownLibrary, fallbacks.cpuEngine];
  return new SetupFailure(`the TensorFlow engine is built but does not train: ${reason}`, remedies);
}

/**
 * @param {string} link
 * @returns {string | undefined} undefined when it is no link
 */
function linkTarget(link) {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
