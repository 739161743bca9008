import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { LockstepError } from '../shared/core/index.ts';
import type { Finish } from './program.ts';
import { findPackageRoot } from './setup/package-root.mjs';
import { runAttached } from './setup/run-command.mjs';

/** Benchmarks are tests: they live with them, and this only starts them. */
export function benchCommand(program: Command, finish: Finish): void {
  program
    .command('bench')
    .description('Measure a training step beside plain tfjs-node, Keras and PyTorch (in a checkout only).')
    .argument('[arguments...]', 'what to measure and how; without any, what there is')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: readonly string[]) => {
      finish(await bench(args));
    });
}

async function bench(args: readonly string[]): Promise<number> {
  const root = findPackageRoot();
  const main = join(root, 'dist', 'test', 'bench', 'main.js');
  if (!existsSync(main) || !existsSync(join(root, 'test', 'bench'))) {
    const problem = 'benchmarks are no part of the installed package: run "npm run bench -- step" in a checkout';
    throw new LockstepError('config/invalid', problem);
  }
  return runAttached(process.execPath, [main, ...args]);
}
