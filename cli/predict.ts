import type { Command } from 'commander';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';
import { reportFailure, terminalInterrupts } from './run-locally.ts';
import { runPrediction } from './run-prediction.ts';
import { writePredictions } from './write-predictions.ts';

const examples = `
Examples:
  lockstep predict job.ts --model lockstep-out/model --count 10
  lockstep predict job.ts --model lockstep-out/model --workers 4 --output predictions.npy
  lockstep predict job.ts --model lockstep-out/model --output predictions.jsonl

Every sample of the job’s test data once, in its order, with the same bits on any number of workers: one JSON object a
line, { "index": 0, "prediction": [0.01, 0.98, …] }, or a NumPy array.`;

export function predictCommand(program: Command, finish: Finish): void {
  const line = program
    .command('predict')
    .description('Predictions of a saved model for the job’s test data.')
    .argument('<job.ts>', 'job file that the model was trained with');
  addOptions(line, 'predict')
    .addHelpText('after', examples)
    .action(async (jobFile: string) => {
      const options = readOptions('predict', line);
      checkPaths({ jobFile, data: options.data, model: options.model, out: options.out });
      const capture = { interrupts: terminalInterrupts, progress: 'inherit' } as const;
      const write = (reader: Parameters<typeof writePredictions>[0]) => writePredictions(reader, options.output);
      const { outcome } = await runPrediction({ jobFile }, options, capture, write);
      reportFailure(outcome);
      finish(outcome.exitCode);
    });
}
