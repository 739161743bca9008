import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fallbacks, SetupFailure } from './failure.mjs';

/**
 * @typedef {object} Library a libtensorflow to compile and link against
 * @property {string} path what names it: for a given library, what the user gave
 * @property {string} directory
 * @property {readonly string[]} files file names in it to link: the one with the C API first
 * @property {string} include
 */

/** The C API is in libtensorflow_cc in Python wheels and in libtensorflow in TensorFlow's C distribution. */
const mainNames = ['libtensorflow_cc.so.2', 'libtensorflow_cc.so', 'libtensorflow.so.2', 'libtensorflow.so'];
const frameworkNames = ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'];

/** @type {Readonly<Record<string, number>>} e_machine of ELF by process.arch */
const elfMachines = { x64: 62, arm64: 183 };

/**
 * Finds and checks the library that LOCKSTEP_LIBTENSORFLOW points to.
 * @param {string} given a directory with lib/ and include/, or with the libraries and include/, or an unpacked wheel
 * @param {string} [arch]
 * @returns {Library}
 * @throws {SetupFailure} naming what is missing
 */
export function openGivenLibrary(given, arch = process.arch) {
  const root = resolve(given);
  const remedies = [
    'let it name a directory with lib/libtensorflow*.so.2 and include/tensorflow/c/c_api.h (as in a wheel or C package)',
    'unset it, and set-up downloads TensorFlow',
    fallbacks.cpuEngine,
  ];
  const refuse = (/** @type {string} */ reason) =>
    new SetupFailure(`LOCKSTEP_LIBTENSORFLOW=${given}: ${reason}`, remedies);
  if (!existsSync(root)) throw refuse('there is no such directory');
  const places = [join(root, 'lib'), root, join(root, 'tensorflow')];
  const directory = places.find((place) => mainNames.some((name) => existsSync(join(place, name))));
  if (directory === undefined) throw refuse(`none of ${mainNames.join(', ')} in ${places.join(', ')}`);
  const includes = [join(root, 'include'), join(directory, 'include'), join(root, 'tensorflow', 'include')];
  const include = includes.find((place) => existsSync(join(place, 'tensorflow', 'c', 'c_api.h')));
  if (include === undefined) throw refuse(`no tensorflow/c/c_api.h in ${includes.join(', ')}`);
  const files = linkedFiles(directory);
  for (const name of files) {
    const problem = elfProblem(join(directory, name), arch);
    if (problem) throw refuse(`${join(directory, name)} ${problem}`);
  }
  return { path: root, directory: realpathSync(directory), files, include: realpathSync(include) };
}

/**
 * @param {string} directory
 * @returns {string[]} names of the libraries to link in a directory that has them
 */
export function linkedFiles(directory) {
  const present = (/** @type {string[]} */ names) => names.find((name) => existsSync(join(directory, name)));
  return [present(mainNames), present(frameworkNames)].filter((name) => name !== undefined);
}

/**
 * @param {string} file
 * @param {string} arch
 * @returns {string | undefined} what is wrong with it as a shared library of this machine
 */
function elfProblem(file, arch) {
  const header = Buffer.alloc(20);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, header, 0, header.length, 0);
  } finally {
    closeSync(fd);
  }
  if (header.toString('latin1', 0, 4) !== '\x7fELF') return 'is not a shared library';
  const machine = header.readUInt16LE(18);
  return machine === elfMachines[arch]
    ? undefined
    : `is built for another CPU type than ${arch} (ELF machine ${machine})`;
}

/**
 * Tells two given libraries apart without reading hundreds of megabytes.
 * @param {Library} library
 * @returns {string}
 */
export function identifyLibrary({ directory, files }) {
  const hash = createHash('sha256').update(directory);
  for (const name of files) {
    const { size, mtimeMs } = statSync(join(directory, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 12);
}
