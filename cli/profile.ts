import type { Command } from 'commander';
import { runAsProfiler } from './launcher/index.ts';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';

const examples = `
Examples:
  lockstep profile job.ts                               30 steps, each op and layer, a trace in lockstep-out/profile
  lockstep profile job.ts --precision mixed_bfloat16    the same in mixed precision, to compare
  lockstep profile job.ts --steps 100 --json            the numbers as one JSON object

One process computes a whole batch, as in a run of one replica; nothing is saved but the trace.`;

export function profileCommand(program: Command, finish: Finish): void {
  const line = program
    .command('profile')
    .description('Where the time and memory of a job’s training steps go: phases, ops, layers.')
    .argument('<job.ts>', 'job file, TypeScript or JavaScript');
  addOptions(line, 'profile')
    .addHelpText('after', examples)
    .action(async (jobFile: string) => {
      const { data, ...options } = readOptions('profile', line);
      checkPaths({ jobFile, data });
      finish(await runAsProfiler({ ...options, jobFile, dataDirectory: data ?? undefined }));
    });
}
