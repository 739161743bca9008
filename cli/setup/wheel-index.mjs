import { join } from 'node:path';
import { fallbacks, SetupFailure } from './failure.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/**
 * @typedef {object} Wheel
 * @property {string} name file name
 * @property {string} url
 * @property {string} sha256 hex
 */

/** libtensorflow is the same in the wheels for all Python versions; this one need not be the machine's. */
const wheelPython = '3.12';

/**
 * The requirement whose wheel holds libtensorflow for this machine.
 * @param {{ version: string, accelerator: 'cpu' | 'cuda', arch: string }} engine
 * @returns {{ requirement: string, isWanted: (fileName: string) => boolean, withDependencies: boolean }}
 */
export function engineRequirement({ version, accelerator, arch }) {
  if (accelerator === 'cuda') {
    // CUDA and cuDNN come as wheels of their own, of the versions that this TensorFlow asks for.
    const isWanted = (/** @type {string} */ name) => /^(tensorflow|nvidia_\w+)-/.test(name);
    return { requirement: `tensorflow[and-cuda]==${version}`, isWanted, withDependencies: true };
  }
  // For arm64 there is no tensorflow-cpu wheel; the tensorflow wheel is CPU-only there.
  const name = arch === 'arm64' ? 'tensorflow' : 'tensorflow-cpu';
  return { requirement: `${name}==${version}`, isWanted: () => true, withDependencies: false };
}

/**
 * Asks pip which files a requirement means, so that the user's own pip configuration (index, mirror, certificate,
 * proxy) decides; nothing is installed.
 * @param {{ python: string, directory: string, requirement: ReturnType<typeof engineRequirement> }} options
 * @returns {Promise<Wheel[] | undefined>} undefined: this pip cannot tell (older than 22.2)
 */
export async function resolveWheels({ python, directory, requirement }) {
  const args = ['-m', 'pip', 'install', '--dry-run', '--ignore-installed', '--quiet', '--report', '-'];
  const result = await runCommand(python, [...args, ...selection(directory, requirement)], { timeoutMs: 900_000 });
  if (/no such option|unrecognized/i.test(result.stderr)) return undefined;
  if (result.code !== 0) throw pipFailure(requirement.requirement, result);
  return readReport(result.stdout).filter(({ name }) => requirement.isWanted(name));
}

/**
 * Lets pip download the wheels itself: it cannot resume, but it can do what our own download was refused (a login, an
 * unusual proxy). pip checks the index's checksums.
 * @param {{ python: string, directory: string, requirement: ReturnType<typeof engineRequirement> }} options
 */
export async function downloadWithPip({ python, directory, requirement }) {
  const args = ['-m', 'pip', 'download', '--quiet', '--dest', directory, ...selection(undefined, requirement)];
  const result = await runCommand(python, args);
  if (result.code !== 0) throw pipFailure(requirement.requirement, result);
}

/**
 * @param {string | undefined} directory
 * @param {ReturnType<typeof engineRequirement>} requirement
 */
function selection(directory, { requirement, withDependencies }) {
  return [
    '--no-input',
    '--disable-pip-version-check',
    '--only-binary=:all:',
    ...['--python-version', wheelPython],
    ...(withDependencies ? [] : ['--no-deps']),
    ...(directory === undefined ? [] : ['--target', join(directory, 'nothing-is-installed')]),
    requirement,
  ];
}

/**
 * @param {string} json pip's installation report
 * @returns {Wheel[]}
 */
export function readReport(json) {
  /** @type {{ install: { download_info: { url: string, archive_info?: { hash?: string, hashes?: { sha256?: string } } } }[] }} */
  const report = JSON.parse(json);
  return report.install.map(({ download_info: { url, archive_info } }) => {
    const sha256 = archive_info?.hashes?.sha256 ?? /^sha256=(\w+)$/.exec(archive_info?.hash ?? '')?.[1] ?? '';
    return { name: decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? ''), url, sha256 };
  });
}

const networkTrouble =
  /ConnectionError|ConnectTimeout|ReadTimeout|NewConnectionError|Max retries|Name or service|name resolution|unreachable|ProxyError|SSLError|SSL:|broken by/i;

/**
 * @param {string} requirement
 * @param {import('./run-command.mjs').CommandResult} result
 */
function pipFailure(requirement, result) {
  const said = `pip said:\n${lastLines(result)}`;
  if (networkTrouble.test(result.stderr)) {
    return new SetupFailure(`pip cannot reach its package index for ${requirement}; ${said}`, [
      'check the network, proxy (HTTPS_PROXY) and pip configuration (pip config list), and run this again',
      fallbacks.ownLibrary,
      fallbacks.cpuEngine,
    ]);
  }
  return new SetupFailure(`pip found no file for ${requirement} on this machine; ${said}`, [
    'check that the package index which pip uses has it (pip config list)',
    fallbacks.ownLibrary,
    fallbacks.cpuEngine,
  ]);
}
