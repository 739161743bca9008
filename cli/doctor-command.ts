import type { Command } from 'commander';
import { addOptions, readOptions } from './options.ts';
import type { Finish } from './program.ts';

export function doctorCommand(program: Command, finish: Finish): void {
  const line = program
    .command('doctor')
    .description('Check this machine: versions, devices, what is missing, and whether one op trains.');
  addOptions(line, 'doctor').action(async () => {
    const { json } = readOptions('doctor', line);
    const { doctor } = await import('./doctor.ts');
    finish(await doctor({ json }));
  });
}
