import { join, relative } from 'node:path';
import type { Command } from 'commander';
import type { RunResult } from '../coordinator/index.ts';
import type { ResolvedOptions } from '../shared/config/index.ts';
import { exitCodes } from './failures.ts';
import { addOptions, readOptions } from './options.ts';
import type { Finish } from './program.ts';
import { runCaptured } from './run-captured.ts';
import { reportFailure, terminalInterrupts } from './run-locally.ts';
import { findPackageRoot } from './setup/package-root.mjs';

/** Test accuracy that a sound installation reaches; less means that something is broken. */
const expectedAccuracy = 0.95;

export function demoCommand(program: Command, finish: Finish): void {
  const line = program
    .command('demo')
    .description('Train a small CNN on generated images with 2 workers, and check that it learned.');
  addOptions(line, 'demo').action(async () => {
    finish(await demo(readOptions('demo', line)));
  });
}

async function demo(options: ResolvedOptions<'demo'>): Promise<number> {
  const jobFile = join(findPackageRoot(), 'examples', 'glyphs-cnn.ts');
  console.error(`lockstep: training ${relative(process.cwd(), jobFile)} with ${options.workers} workers`);
  let metricsAddress: string | null = null;
  const { outcome, result } = await runCaptured(
    {
      mode: 'train',
      jobFile,
      options: { ...options, minWorkers: null, dumpGraph: null, model: null },
      checkpoint: null,
    },
    {
      interrupts: terminalInterrupts,
      progress: 'inherit',
      onMetrics: (_, address) => {
        metricsAddress = address;
        console.error(`lockstep: metrics and status at http://${address} while it runs`);
      },
    },
  );
  reportFailure(outcome);
  if (result === null || outcome.exitCode !== 0) return outcome.exitCode;
  return conclude(result, options, metricsAddress);
}

function conclude(result: RunResult, options: ResolvedOptions<'demo'>, metricsAddress: string | null): number {
  const accuracy = Number(result.test?.['accuracy'] ?? 0);
  const isGood = accuracy >= expectedAccuracy;
  const metrics = metricsAddress === null ? 'off' : `http://${metricsAddress}/metrics (while it ran)`;
  const { samplesPerSecond, workers, replicas, checkpoint } = result;
  const verdict = isGood ? '' : `, less than the ${100 * expectedAccuracy} % that a sound installation reaches`;
  const lines = [
    `Test accuracy ${(100 * accuracy).toFixed(1)} %${verdict}, at ${(samplesPerSecond ?? 0).toFixed(0)} samples/s on ${workers} workers.`,
    `Model: ${checkpoint}   Metrics: ${metrics}`,
    `Same weights, bit for bit: lockstep demo --workers 1 --replicas ${replicas}`,
  ];
  console.log(options.json ? JSON.stringify(result) : `\n${lines.join('\n')}`);
  return isGood ? exitCodes.success : exitCodes.runFailed;
}
