import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { generateCode } from './codegen.mjs';
import { SetupFailure } from './failure.mjs';
import { findPackageRoot } from './package-root.mjs';
import { runCommand } from './run-command.mjs';

/**
 * Generates the protocol code and compiles everything into dist/. Both parts skip what has not changed.
 * @param {string} packageRoot
 * @returns {Promise<string>} what was done, for the step's line
 */
export async function build(packageRoot) {
  const generated = await generateCode(packageRoot);
  const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code, stdout, stderr } = await runCommand(process.execPath, [tsc, '-b'], { cwd: packageRoot });
  if (code !== 0) {
    throw new SetupFailure(`the build failed:\n${(stdout + stderr).trim()}`, [
      'correct the sources that the messages name',
    ]);
  }
  return generated.length > 0 ? `generated ${generated.join(', ')}; compiled` : 'up to date';
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(`build: ${await build(findPackageRoot())}`);
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
