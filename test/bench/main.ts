/** Entry of `npm run bench -- …`: Lockstep beside other libraries, on the same work, in turns. */
import { Command, CommanderError } from 'commander';
import { allreduceCommand } from '../../cli/bench.ts';
import { describeFailure } from '../../cli/failures.ts';
import { parseLink } from '../../cli/network/index.ts';
import { type AccuracyFlags, readAccuracyOptions, runAccuracyBenchmark } from './accuracy-benchmark.ts';
import { runDeterminismBenchmark } from './determinism-benchmark.ts';
import { findGloo } from './gloo-group.ts';
import { runOverlapBenchmark } from './overlap-benchmark.ts';
import { stepCommand } from './step-command.ts';
import { runTrainBenchmark } from './train-benchmark.ts';
import { readRounds, readTrainOptions, type TrainFlags } from './train-flags.ts';
import { readWires, runWiresBenchmark } from './wires-benchmark.ts';

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
  program
    .command('accuracy')
    .description('Test accuracy and wall time on real data, the chapter’s networks: Lockstep on two workers and Keras.')
    .option('--workloads <NAME,…>', 'some of cifar10, reuters', 'cifar10,reuters')
    .option('--data <DIR>', 'directory with cifar-10-batches-bin and reuters-r8', '../shared/data')
    .option('--samples <N>', 'training samples (default: 8000 of CIFAR-10, all of Reuters)')
    .option('--epochs <N>', 'passes over them', '10')
    .option('--seeds <N>', 'trainings of each library', '3')
    .option('--json', 'make the last line of standard output one JSON object', false)
    .action((flags: AccuracyFlags) => runAccuracyBenchmark(readAccuracyOptions(flags)));
  program
    .command('overlap')
    .description('How much of the communication two workers hide behind their computing, beside PyTorch DDP.')
    .option('--link <RATE,DELAY>', 'network between the workers (Linux, root)', '1gbit,0.5ms')
    .option('--rounds <N>', 'turns of each library', '3')
    .option('--json', 'make the last line of standard output one JSON object', false)
    .action(({ link, rounds, json }: { link: string; rounds: string; json: boolean }) =>
      runOverlapBenchmark({ link: parseLink(link), rounds: readRounds(rounds), json }),
    );
  program
    .command('wires')
    .description('Bytes and samples/s of two workers with gradients in each wire format.')
    .option('--link <RATE,DELAY>', 'network between the workers (Linux, root)', '1gbit,0.5ms')
    .option('--wires <FORMAT,…>', 'what gradients travel as', 'float32,bfloat16,top-k:0.01,powersgd:4')
    .option('--rounds <N>', 'turns of each format', '3')
    .option('--json', 'make the last line of standard output one JSON object', false)
    .action(({ link, wires, rounds, json }: { link: string; wires: string; rounds: string; json: boolean }) =>
      runWiresBenchmark({ link: parseLink(link), wires: readWires(wires), rounds: readRounds(rounds), json }),
    );
  program
    .command('determinism')
    .description('What adding in a fixed order costs, against the order of arrival.')
    .option('--rounds <N>', 'sums of each order', '300')
    .option('--json', 'make the last line of standard output one JSON object', false)
    .action(({ rounds, json }: { rounds: string; json: boolean }) =>
      runDeterminismBenchmark({ rounds: readRounds(rounds), json }),
    );
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
