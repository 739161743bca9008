import type { Command } from 'commander';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';
import { runLocally } from './run-locally.ts';

const examples = `
Examples:
  lockstep train job.ts                                   one worker, settings as in the job file
  lockstep train job.ts --workers 4 --epochs 20           the same weights as with any other worker count ≤ replicas…
  lockstep train job.ts --workers 2 --replicas 8          …if the replicas are equal: 8 lanes, 4 on each worker
  lockstep train job.ts --data ~/cifar-10 --max-steps 100 --json
  lockstep train job.ts --model pretrained.keras          from weights that are there already
  lockstep train job.ts --workers 2 --metrics-port 9100   /metrics: coordinator on 9100, workers on 9101 and 9102

job.ts exports defineJob({ model, optimizer, loss, metrics, data, batchSize, epochs, seed }).
Ctrl-C ends the run after the current step and saves the model; a second one stops at once.`;

export function trainCommand(program: Command, finish: Finish): void {
  const line = program
    .command('train')
    .description('Train a job on worker processes of this machine.')
    .argument('<job.ts>', 'job file, TypeScript or JavaScript');
  addOptions(line, 'train')
    .addHelpText('after', examples)
    .action(async (jobFile: string) => {
      const options = readOptions('train', line);
      checkPaths({ jobFile, data: options.data, model: options.model, out: options.out });
      finish(await runLocally({ mode: 'train', jobFile, options, checkpoint: options.model }));
    });
}
