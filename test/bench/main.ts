/** Entry of `npm run bench -- …`: Lockstep beside other libraries, on the same work, in turns. */
import { Command, CommanderError } from 'commander';
import { allreduceCommand } from '../../cli/bench.ts';
import { describeFailure } from '../../cli/failures.ts';
import { findGloo } from './gloo-group.ts';
import { stepCommand } from './step-command.ts';
import { runTrainBenchmark } from './train-benchmark.ts';
import { readTrainOptions, type TrainFlags } from './train-flags.ts';

async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('npm run bench --').exitOverride();
  program
    .command('step')
    .description('One training step: Lockstep, plain tfjs-node, Keras and PyTorch.')
    .argument('[arguments...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: readonly string[]) => {
      exitCode = await stepCommand(args);
    });
  allreduceCommand(program, (code) => (exitCode = code), findGloo);
  program
    .command('train')
    .description('Samples/s on two workers: Lockstep, PyTorch DDP and Keras MultiWorkerMirroredStrategy.')
    .option('--workloads <NAME,…>', 'some of cnn, lstm, dense', 'cnn,lstm')
    .option('--rounds <N>', 'turns of each library', '5')
    .option('--json', 'make the last line of standard output one JSON object', false)
    .action((flags: TrainFlags) => runTrainBenchmark(readTrainOptions(flags)));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(describeFailure(error));
    return 1;
  }
}

process.exit(await main(process.argv.slice(2)));
