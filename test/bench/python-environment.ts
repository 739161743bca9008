import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/setup/engine-location.mjs';
import { probeBuildTools } from '../../cli/setup/machine.mjs';
import { lastLines, runCommand } from '../../cli/setup/run-command.mjs';

export type PythonEnvironment =
  | { readonly state: 'ready'; readonly python: string }
  | { readonly state: 'missing'; readonly reason: string };

/** Installing TensorFlow or PyTorch takes minutes; much more than that is a network that hangs. */
const INSTALL_TIMEOUT_MS = 1_800_000;

/**
 * A virtual environment with `packages` in the user's cache, made where it is missing or holds others.
 * @param note takes progress, one line each
 */
export async function providePython(
  name: string,
  packages: readonly string[],
  note: (line: string) => void,
): Promise<PythonEnvironment> {
  const directory = join(cacheDirectory(), 'bench', name);
  const python = join(directory, 'bin', 'python');
  const wanted = packages.join(' ');
  // Written last, so a broken installation is not taken for a finished one.
  const marker = join(directory, 'installed');
  if (existsSync(python) && existsSync(marker) && readFileSync(marker, 'utf8') === wanted) {
    return { state: 'ready', python };
  }
  const { python: system } = await probeBuildTools();
  if (system === undefined) return { state: 'missing', reason: 'there is no python3' };
  note(`installing ${wanted} for ${name} in ${directory} (once, some minutes)`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const commands = [
    [system.command, '-m', 'venv', directory],
    [python, '-m', 'pip', 'install', '--quiet', ...packages],
  ] as const;
  for (const [command, ...args] of commands) {
    const result = await runCommand(command, args, { timeoutMs: INSTALL_TIMEOUT_MS });
    if (result.code === 0) continue;
    return { state: 'missing', reason: `"${[command, ...args].join(' ')}" failed: ${lastLines(result, 2)}` };
  }
  writeFileSync(marker, wanted);
  return { state: 'ready', python };
}
