import type { Command } from 'commander';
import type { ResolvedOptions } from '../shared/config/index.ts';
import { exitCodes } from './failures.ts';
import { runAsPreflight } from './launcher/index.ts';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';

const examples = `
Examples:
  lockstep doctor                 this machine
  lockstep doctor job.ts          what a run of the job would meet first: data, model, ops, memory, time per step

With a job it trains some steps in this process and saves nothing. Exit code 1 when something fails.`;

export function doctorCommand(program: Command, finish: Finish): void {
  const line = program
    .command('doctor')
    .description(
      'Check this machine: versions, devices, what is missing, whether one op trains; or a job before its run.',
    )
    .argument('[job.ts]', 'job file to check instead of the machine');
  addOptions(line, 'doctor')
    .addHelpText('after', examples)
    .action(async (jobFile: string | undefined) => {
      const options = readOptions('doctor', line);
      const { doctor } = await import('./doctor.ts');
      finish(jobFile === undefined ? await doctor(options) : await examineJob(jobFile, options));
    });
}

async function examineJob(jobFile: string, { data, ...options }: ResolvedOptions<'doctor'>): Promise<number> {
  checkPaths({ jobFile, data });
  const checks = await runAsPreflight({ ...options, jobFile, dataDirectory: data ?? undefined });
  const { formatChecks } = await import('./doctor.ts');
  const isSound = checks.every(({ status }) => status !== 'fail');
  console.log(options.json ? JSON.stringify({ ok: isSound, checks }) : formatChecks(checks));
  return isSound ? exitCodes.success : exitCodes.runFailed;
}
