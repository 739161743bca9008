import type { Command } from 'commander';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';
import { runLocally } from './run-locally.ts';

const examples = `
Examples:
  lockstep run loop.ts --workers 4
  lockstep run loop.ts --workers 2 --replicas 4 --seed 7 --out results

Every worker runs the program, which begins with: const session = await connect(). See docs/loops.md.
Ctrl-C sets session.shouldStop on all workers; a second one stops at once.`;

export function runCommand(program: Command, finish: Finish): void {
  const line = program
    .command('run')
    .description('Run a program with a training loop of its own on worker processes of this machine.')
    .argument('<loop.ts>', 'program that calls connect(), TypeScript or JavaScript');
  addOptions(line, 'run')
    .addHelpText('after', examples)
    .action(async (jobFile: string) => {
      const given = readOptions('run', line);
      checkPaths({ jobFile, data: given.data, out: given.out });
      // The program says itself how long it runs.
      const options = { ...given, accumulate: null, epochs: null, maxSteps: null, dumpGraph: null };
      finish(await runLocally({ mode: 'loop', jobFile, options, checkpoint: null }));
    });
}
