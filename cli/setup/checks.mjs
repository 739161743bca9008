import { fallbacks } from './failure.mjs';

/**
 * @typedef {import('./machine.mjs').Machine} Machine
 * @typedef {import('./machine.mjs').BuildTools} BuildTools
 */

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {'ok' | 'warn' | 'fail'} status
 * @property {string} found what is there, or what is wrong
 * @property {string[]} remedies what to do about it; empty when ok
 */

/** @typedef {'cpu' | 'tensorflow'} EngineName */

/**
 * @param {Machine} machine
 * @param {EngineName} engine
 * @returns {Check[]} what every run needs, with or without a build
 */
export function checkMachine(machine, engine) {
  const checks = [checkNode(machine.nodeVersion)];
  if (engine === 'tensorflow') checks.push(checkPlatform(machine), checkCpu(machine));
  return checks;
}

/**
 * @param {Machine} machine
 * @param {BuildTools} tools
 * @param {{ download: boolean, neededBytes: number }} needs `download: false` when the library is already here
 * @returns {Check[]} what getting and building the engine needs besides
 */
export function checkBuildTools(machine, tools, { download, neededBytes }) {
  const checks = [checkCompiler(tools)];
  if (download) checks.push(checkPython(tools), checkPip(tools));
  checks.push(checkDisk(machine, neededBytes));
  return checks;
}

/** @param {string} version */
function checkNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 15)) {
    return fail('Node.js', `Node.js ${version} is too old: 20.15 or later is needed`, [
      'install Node.js 24, 22 or 20 (long-term support) and run this again',
    ]);
  }
  if (![20, 22, 24].includes(major)) {
    return warn('Node.js', `${version}: not among the tested versions`, ['use Node.js 20, 22 or 24 if anything fails']);
  }
  return ok('Node.js', version);
}

/** @param {Machine} machine */
function checkPlatform({ platform, arch, glibcVersion }) {
  const found = `${platform} ${arch}`;
  if (platform !== 'linux' || !['x64', 'arm64'].includes(arch)) {
    return fail('platform', `there is no TensorFlow engine for ${found}: Linux on x64 or arm64 is needed`, [
      'run it in a Linux container or virtual machine',
      fallbacks.cpuEngine,
    ]);
  }
  if (glibcVersion === undefined) {
    return fail(
      'platform',
      `this ${found} has another C library than glibc (musl?), for which TensorFlow is not built`,
      ['use a glibc system, such as a Debian- or Ubuntu-based image in place of Alpine', fallbacks.cpuEngine],
    );
  }
  if (isOlder(glibcVersion, '2.27')) {
    return fail('platform', `glibc ${glibcVersion} is older than the 2.27 that TensorFlow is built for`, [
      'use a newer Linux release',
      fallbacks.cpuEngine,
    ]);
  }
  return ok('platform', `${found}, glibc ${glibcVersion}`);
}

/** @param {Machine} machine */
function checkCpu({ arch, cpuModel, cpuThreads, cpuFlags }) {
  if (arch === 'x64' && cpuFlags.length > 0 && !cpuFlags.includes('avx')) {
    return fail('CPU', `${cpuModel} has no AVX instructions, which TensorFlow's builds use`, [
      'in a virtual machine, let the CPU type be that of the host',
      'point LOCKSTEP_LIBTENSORFLOW=/path to a TensorFlow built without AVX',
      fallbacks.cpuEngine,
    ]);
  }
  const notable = ['avx2', 'avx512f', 'avx512_bf16', 'amx_bf16', 'asimd', 'sve'].filter((f) => cpuFlags.includes(f));
  return ok('CPU', [`${cpuModel}, ${cpuThreads} threads`, ...notable].join(', '));
}

/** @param {BuildTools} tools */
function checkPython({ python }) {
  if (python) return ok('Python', python.version);
  return fail('Python', 'python3 is missing; it is needed to get TensorFlow', [
    'install it: apt-get install python3 python3-pip (dnf install python3 python3-pip)',
    fallbacks.ownLibrary,
    fallbacks.cpuEngine,
  ]);
}

/** @param {BuildTools} tools */
function checkPip({ python, pip }) {
  if (pip && !isOlder(pip.version, '20.3')) return ok('pip', pip.version);
  // Without Python the check before this one has said what to do.
  if (!python) return fail('pip', 'pip is missing', ['install python3 with pip']);
  const problem = pip
    ? `pip ${pip.version} is too old to know TensorFlow's wheels: 20.3 or later is needed`
    : 'pip is missing';
  const remedy = pip
    ? `upgrade it: ${python.command} -m pip install --user --upgrade pip`
    : 'install it: apt-get install python3-pip (dnf install python3-pip)';
  return fail('pip', problem, [remedy, fallbacks.ownLibrary, fallbacks.cpuEngine]);
}

/** @param {BuildTools} tools */
function checkCompiler({ compiler }) {
  if (compiler) return ok('C++ compiler', `${compiler.command} ${compiler.version}`);
  return fail('C++ compiler', 'no C++ compiler: g++, c++ and clang++ (or $CXX) did not answer', [
    'install one: apt-get install g++ (dnf install gcc-c++)',
    fallbacks.cpuEngine,
  ]);
}

/**
 * @param {Machine} machine
 * @param {number} neededBytes
 */
function checkDisk({ cacheDirectory, cacheFreeBytes }, neededBytes) {
  if (cacheFreeBytes === undefined) {
    return fail('disk', `${cacheDirectory} cannot be created or written`, [
      'set LOCKSTEP_CACHE to a directory that you may write',
      fallbacks.cpuEngine,
    ]);
  }
  const free = `${(cacheFreeBytes / 1e9).toFixed(1)} GB free in ${cacheDirectory}`;
  if (cacheFreeBytes >= neededBytes) return ok('disk', free);
  return fail('disk', `${free}, ${(neededBytes / 1e9).toFixed(1)} GB are needed`, [
    'make room there',
    'set LOCKSTEP_CACHE to a directory on a larger disk',
    fallbacks.cpuEngine,
  ]);
}

/**
 * @param {string} version
 * @param {string} than
 * @returns {boolean} whether dotted version `version` comes before `than`
 */
export function isOlder(version, than) {
  const [a, b] = [version, than].map((v) => v.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < Math.max(a?.length ?? 0, b?.length ?? 0); i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** @type {(name: string, found: string) => Check} */
const ok = (name, found) => ({ name, status: 'ok', found, remedies: [] });
/** @type {(name: string, found: string, remedies: string[]) => Check} */
const warn = (name, found, remedies) => ({ name, status: 'warn', found, remedies });
/** @type {(name: string, found: string, remedies: string[]) => Check} */
const fail = (name, found, remedies) => ({ name, status: 'fail', found, remedies });
