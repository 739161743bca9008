import type { Command } from 'commander';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';
import { runLocally } from './run-locally.ts';

const examples = `
Examples:
  lockstep evaluate job.ts --model lockstep-out/model
  lockstep evaluate job.ts --model lockstep-out/model --workers 4 --json

With the same --replicas, any number of workers gives the same bits.`;

export function evaluateCommand(program: Command, finish: Finish): void {
  const line = program
    .command('evaluate')
    .description('Loss and metrics of a saved model on the job’s test data.')
    .argument('<job.ts>', 'job file that the model was trained with');
  addOptions(line, 'evaluate')
    .addHelpText('after', examples)
    .action(async (jobFile: string) => {
      const given = readOptions('evaluate', line);
      checkPaths({ jobFile, data: given.data, model: given.model, out: given.out });
      // Nothing is trained.
      const options = { ...given, epochs: null, maxSteps: null, accumulate: null, seed: null, dumpGraph: null };
      finish(await runLocally({ mode: 'evaluate', jobFile, options, checkpoint: given.model }));
    });
}
