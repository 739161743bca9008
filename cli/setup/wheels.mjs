import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeTransfer } from '../../shared/download/describe-transfer.mjs';
import { ChecksumMismatch, DownloadRefused, download } from '../../shared/download/download.mjs';
import { fallbacks, SetupFailure } from './failure.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { downloadWithPip, resolveWheels } from './wheel-index.mjs';

/** @typedef {{ progress: (text: string) => void, note: (text: string) => void }} Reporter */

/**
 * Brings the wheels of a requirement into a directory, going on where an interrupted run stopped.
 * @param {object} options
 * @param {string} options.python
 * @param {string} options.directory
 * @param {ReturnType<typeof import('./wheel-index.mjs').engineRequirement>} options.requirement
 * @param {Reporter} options.report
 * @returns {Promise<string[]>} paths, verified
 */
export async function fetchWheels({ python, directory, requirement, report }) {
  mkdirSync(directory, { recursive: true });
  report.progress('asking the package index');
  const wheels = await resolveWheels({ python, directory, requirement });
  if (wheels?.every(({ sha256 }) => sha256 !== '')) {
    try {
      for (const wheel of wheels) await fetchWheel(wheel, directory, report);
      return wheels.map(({ name }) => join(directory, name));
    } catch (error) {
      if (!(error instanceof DownloadRefused)) throw error;
      report.note(`${error.message}; pip downloads it instead`);
    }
  } else if (wheels === undefined) {
    report.note('this pip (before 22.2) cannot name the file: pip downloads it, without progress and resuming');
  }
  const viaPip = join(directory, 'pip');
  await downloadWithPip({ python, directory: viaPip, requirement });
  return readdirSync(viaPip)
    .filter(requirement.isWanted)
    .map((name) => join(viaPip, name));
}

/**
 * @param {import('./wheel-index.mjs').Wheel} wheel
 * @param {string} directory
 * @param {Reporter} report
 */
async function fetchWheel({ name, url, sha256 }, directory, report) {
  const file = join(directory, name);
  if (existsSync(file)) return; // it got its name only after it was verified
  const startedAt = Date.now();
  /** @type {number | undefined} */
  let startBytes;
  /** @type {(doneBytes: number, totalBytes: number | undefined) => void} */
  const onProgress = (doneBytes, totalBytes) => {
    if (startBytes === undefined) {
      startBytes = doneBytes;
      if (doneBytes > 1e6) report.note(`${name}: going on after ${(doneBytes / 1e6).toFixed(0)} MB`);
    }
    const seconds = (Date.now() - startedAt) / 1000;
    report.progress(`${name}: ${describeTransfer({ doneBytes, totalBytes, startBytes, seconds })}`);
  };
  try {
    await download({ url, file, sha256, onProgress, onRetry: report.note });
  } catch (error) {
    if (error instanceof DownloadRefused) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const what = error instanceof ChecksumMismatch ? 'was damaged on its way' : 'could not be downloaded';
    throw new SetupFailure(
      `${name} ${what}: ${reason}`,
      ['check the network and run this again: it goes on where it stopped', fallbacks.ownLibrary, fallbacks.cpuEngine],
      { cause: error },
    );
  }
}

/** Reads a wheel (a zip file) with Python's own reader, which checks each file's CRC and keeps execute bits. */
const extractProgram = `
import json, os, shutil, sys, zipfile
wheel, target, prefixes, suffixes = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:5])
with zipfile.ZipFile(wheel) as z:
    wanted = [i for i in z.infolist() if not i.is_dir() and i.filename.startswith(tuple(prefixes))
              and i.filename.endswith(tuple(suffixes))]
    total, done = sum(i.file_size for i in wanted), 0
    for i in wanted:
        path = os.path.abspath(os.path.join(target, i.filename))
        if not path.startswith(os.path.abspath(target) + os.sep):
            sys.exit('path outside the target: ' + i.filename)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with z.open(i) as source, open(path, 'wb') as sink:
            while chunk := source.read(1 << 22):
                sink.write(chunk)
                done += len(chunk)
                if len(chunk) == 1 << 22: print(done, total, flush=True)
        if i.external_attr >> 16 & 0o111: os.chmod(path, 0o755)
    if not wanted: sys.exit('holds none of ' + ', '.join(prefixes))
`;

/**
 * @param {object} options
 * @param {string} options.python
 * @param {string} options.wheel
 * @param {string} options.target
 * @param {readonly string[]} options.prefixes which files, by the beginning of their path
 * @param {readonly string[]} [options.suffixes] and by its end
 * @param {Reporter} options.report
 */
export async function extractWheel({ python, wheel, target, prefixes, suffixes = [''], report }) {
  const onStdout = (/** @type {string} */ chunk) => {
    const [done, total] = (chunk.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    if (done && total)
      report.progress(
        `unpacking: ${describeTransfer({ doneBytes: done, totalBytes: total, startBytes: 0, seconds: 0 })}`,
      );
  };
  const args = ['-c', extractProgram, wheel, target, JSON.stringify(prefixes), JSON.stringify(suffixes)];
  const result = await runCommand(python, args, { onStdout });
  if (result.code === 0) return;
  const said = lastLines(result, 2);
  if (/BadZipFile|CRC|holds none of/.test(said)) rmSync(wheel, { force: true });
  throw new SetupFailure(`${wheel} could not be unpacked: ${said}`, [
    'run this again',
    fallbacks.ownLibrary,
    fallbacks.cpuEngine,
  ]);
}
