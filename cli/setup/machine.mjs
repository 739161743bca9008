import { existsSync, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { cacheDirectory } from './engine-location.mjs';
import { runCommand } from './run-command.mjs';

/**
 * @typedef {object} Tool
 * @property {string} command
 * @property {string} version
 */

/**
 * @typedef {object} Machine what set-up and doctor need to know about where they run
 * @property {string} nodeVersion without the v
 * @property {string} platform as in process.platform
 * @property {string} arch as in process.arch
 * @property {string | undefined} glibcVersion undefined on musl and elsewhere
 * @property {string} cpuModel
 * @property {number} cpuThreads
 * @property {readonly string[]} cpuFlags empty where unknown
 * @property {number} memoryBytes
 * @property {string} cacheDirectory
 * @property {number | undefined} cacheFreeBytes
 */

/**
 * @typedef {object} BuildTools what only getting and building the engine needs
 * @property {Tool | undefined} python
 * @property {Tool | undefined} pip
 * @property {Tool | undefined} compiler
 */

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Machine}
 */
export function probeMachine(env = process.env) {
  const directory = cacheDirectory(env);
  return {
    nodeVersion: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    glibcVersion: readGlibcVersion(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    cpuThreads: availableParallelism(),
    cpuFlags: readCpuFlags(),
    memoryBytes: totalmem(),
    cacheDirectory: directory,
    cacheFreeBytes: readFreeBytes(directory),
  };
}

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<BuildTools>}
 */
export async function probeBuildTools(env = process.env) {
  const compilers = env['CXX'] ? [env['CXX']] : ['g++', 'c++', 'clang++'];
  const [python, compiler] = await Promise.all([findTool(['python3', 'python']), findTool(compilers)]);
  return { python, pip: python && (await findPip(python.command)), compiler };
}

/**
 * @param {readonly string[]} commands
 * @returns {Promise<Tool | undefined>} the first that answers
 */
async function findTool(commands) {
  for (const command of commands) {
    const { code, stdout, stderr } = await runCommand(command, ['--version'], { timeoutMs: 30_000 });
    const version = /\d+\.\d+(\.\d+)?/.exec(stdout || stderr)?.[0];
    if (code === 0 && version && !version.startsWith('2.')) return { command, version };
  }
  return undefined;
}

/** @param {string} python */
async function findPip(python) {
  const { code, stdout } = await runCommand(python, ['-m', 'pip', '--version'], { timeoutMs: 30_000 });
  const version = /pip (\S+)/.exec(stdout)?.[1];
  return code === 0 && version ? { command: `${python} -m pip`, version } : undefined;
}

/** @returns {string | undefined} */
function readGlibcVersion() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport() ?? {});
  return report.header?.glibcVersionRuntime;
}

/** @returns {string[]} */
function readCpuFlags() {
  try {
    return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
  } catch {
    return [];
  }
}

/** @param {string} directory */
function readFreeBytes(directory) {
  try {
    if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
