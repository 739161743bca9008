import type { Command } from 'commander';
import type { AllreduceFlags, Contestant } from './allreduce/index.ts';
import { exitCodes } from './failures.ts';
import type { Finish } from './program.ts';

const examples = `
Examples:
  lockstep bench allreduce                                 2 and 4 processes, 1 to 64 MB
  lockstep bench allreduce --workers 8 --bytes 4MB,25MB
  lockstep bench allreduce --workers 2 --bytes 25MB --json
  lockstep bench allreduce --workers 4 --link 1gbit,0.5ms  each process in a network namespace of its own

Bus bandwidth is that of nccl-tests: 2(W−1)/W · bytes / time. CPU seconds are those of one process for each GB that it
had reduced. In a checkout, "npm run bench -- allreduce" measures gloo beside it.`;

/** What users measure on their own machines. Comparisons with other libraries live with the tests. */
export function benchCommand(program: Command, finish: Finish): void {
  const bench = program.command('bench').description('Measure what this machine and its network give.');
  allreduceCommand(bench, finish, async () => []);
}

/** @param beside what else is measured, in turns with Lockstep */
export function allreduceCommand(parent: Command, finish: Finish, beside: () => Promise<Contestant[]>): void {
  parent
    .command('allreduce')
    .description('Time and bus bandwidth of summing arrays over processes, as training sums gradients.')
    .option('--workers <N,…>', 'worker counts', '2,4')
    .option('--bytes <SIZE,…>', 'sizes, such as 64KiB or 4MB', '1MB,4MB,25MB,64MB')
    .option('--bucket-bytes <SIZE>', 'what is reduced is cut in buckets of at most this size', '4MiB')
    .option('--shared-memory <auto|off>', 'memory that processes on one host share', 'auto')
    .option('--algorithm <NAME>', 'auto, direct, halving or hierarchical', 'auto')
    .option('--wire <float32|bfloat16>', 'what travels; sizes are those of the float32 values', 'float32')
    .option('--explain', 'measure every algorithm, beside what the cost model says of it', false)
    .option('--rounds <N>', 'turns of each size; medians are over all of them', '5')
    .option('--link <RATE,DELAY>', 'a network in place of loopback, such as 1gbit,0.5ms (Linux, root)')
    .option('--json', 'make the last line of standard output one JSON object', false)
    .addHelpText('after', examples)
    .action(async (flags: AllreduceFlags) => {
      const { readAllreduceOptions, runAllreduceBenchmark } = await import('./allreduce/index.ts');
      await runAllreduceBenchmark(readAllreduceOptions(flags), await beside());
      finish(exitCodes.success);
    });
}
