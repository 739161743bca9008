import { join } from 'node:path';
import { lastLines, runCommand } from './run-command.mjs';

/**
 * @typedef {{ ok: true, tensorflow: string, gpu: boolean, milliseconds: number } | { ok: false, reason: string }} SmokeTest
 */

/**
 * Trains one op with the linked engine in a child process.
 * @param {string} packageRoot
 * @returns {Promise<SmokeTest>}
 */
export async function smokeTest(packageRoot) {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', TF_FORCE_GPU_ALLOW_GROWTH: 'true' };
  const program = join(packageRoot, 'cli', 'setup', 'one-op.mjs');
  const result = await runCommand(process.execPath, [program, '--run'], { cwd: packageRoot, env, timeoutMs: 180_000 });
  if (result.code !== 0) {
    const ended = result.code > 128 ? `ended by signal ${result.code - 128}` : `exit status ${result.code}`;
    return { ok: false, reason: `${ended}\n${lastLines(result, 12)}`.trim() };
  }
  return { ok: true, ...JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '{}') };
}
