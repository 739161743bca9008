import type { Command } from 'commander';
import { runAsPredictor } from './launcher/index.ts';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';

const examples = `
Examples:
  lockstep predict job.ts --model lockstep-out/model --count 10
  lockstep predict job.ts --model lockstep-out/model --output predictions.jsonl

One JSON object a line, in the order of the job’s test data: { "index": 0, "prediction": [0.01, 0.98, …], "label": 1 }.`;

export function predictCommand(program: Command, finish: Finish): void {
  const line = program
    .command('predict')
    .description('Predictions of a saved model for the job’s test data.')
    .argument('<job.ts>', 'job file that the model was trained with');
  addOptions(line, 'predict')
    .addHelpText('after', examples)
    .action(async (jobFile: string) => {
      const options = readOptions('predict', line);
      checkPaths({ jobFile, data: options.data, model: options.model });
      const { model, output, count, batchSize, engine, threads, eager, precision } = options;
      const dataDirectory = options.data ?? undefined;
      const how = { engine, threads, eager, precision };
      finish(await runAsPredictor({ jobFile, model, output, count, batchSize, dataDirectory, ...how }));
    });
}
