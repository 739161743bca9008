import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from '../../cli/setup/engine-location.mjs';

const run = promisify(execFile);

/** Paths of the programs; where they are not to be had, empty paths and the reason. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
  readonly missing: string | false;
}

/**
 * Prometheus as the machine has it, else unpacked from Debian's package into the user's cache. It is not installed:
 * that would start a service.
 */
export async function findPrometheus(
  env: NodeJS.ProcessEnv = process.env,
  say: (text: string) => void = (text) => console.error(text),
): Promise<PrometheusPrograms> {
  const installed = { prometheus: which('prometheus', env), promtool: which('promtool', env) };
  if (installed.prometheus !== null && installed.promtool !== null) {
    return { prometheus: installed.prometheus, promtool: installed.promtool, missing: false };
  }
  const home = join(cacheDirectory(env), 'prometheus');
  if (!existsSync(home)) {
    const apt = which('apt-get', env);
    if (apt === null || which('dpkg-deb', env) === null) return absent('no prometheus on PATH and no apt-get');
    try {
      await unpackPackage(home, say);
    } catch (error) {
      const { stderr = '', message } = error as { stderr?: string; message: string };
      const reason = (stderr.trim() || message).split('\n').at(-1);
      return absent(`no prometheus on PATH, and Debian’s package cannot be fetched: ${reason}`);
    }
  }
  return { prometheus: join(home, 'usr/bin/prometheus'), promtool: join(home, 'usr/bin/promtool'), missing: false };
}

function absent(missing: string): PrometheusPrograms {
  return { prometheus: '', promtool: '', missing };
}

async function unpackPackage(home: string, say: (text: string) => void): Promise<void> {
  mkdirSync(join(home, '..'), { recursive: true });
  const draft = mkdtempSync(`${home}-`);
  try {
    // Without package lists there is nothing to download from; only root may fetch those.
    if (process.getuid?.() === 0) {
      say('prometheus: fetching package lists (apt-get update)');
      await run('apt-get', ['update', '-q']);
    }
    say('prometheus: downloading Debian’s package (19 MB)');
    await run('apt-get', ['download', '-q', 'prometheus'], { cwd: draft });
    const file = readdirSync(draft).find((name) => name.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['--extract', join(draft, file), join(draft, 'unpacked')]);
    say(`prometheus: unpacked into ${home}`);
    // Another process may have been faster.
    if (!existsSync(home)) renameSync(join(draft, 'unpacked'), home);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function which(program: string, env: NodeJS.ProcessEnv): string | null {
  try {
    return execFileSync('/bin/sh', ['-c', `command -v ${program}`], { env, encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}
