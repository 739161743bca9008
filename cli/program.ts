import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { LockstepError, nearest } from '../shared/core/index.ts';
import { benchCommand } from './bench.ts';
import { certsCommand } from './certs.ts';
import { coordinatorCommand } from './coordinator.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor-command.ts';
import { evaluateCommand } from './evaluate.ts';
import { exportCommand } from './export.ts';
import { exitCodes } from './failures.ts';
import { predictCommand } from './predict.ts';
import { profileCommand } from './profile.ts';
import { runCommand } from './run.ts';
import { findPackageRoot } from './setup/package-root.mjs';
import { trainCommand } from './train.ts';
import { workerCommand } from './worker.ts';

const description =
  'Distributed data-parallel training for TensorFlow.js: the same weights, bit for bit, on any number of workers.';

const firstSteps = `
Start with:
  lockstep demo                       train a small CNN on generated images
  lockstep train job.ts --workers 4   train your own job with 4 processes
  lockstep doctor                     what this machine has, what is missing
`;

const epilogue = `
Exit codes: 0 success, 1 the run failed, 2 bad usage, 130 interrupted.
Every option is also an environment variable and a key of lockstep.config.json: see docs/configuration.md.`;

/** A command puts what its action returns, its exit code, in here. */
export type Finish = (exitCode: number) => void;

/** Runs what the arguments say. @returns exit code @throws LockstepError */
export async function parseCommandLine(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.success;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return exitCodes.success;
    if (error.code === 'commander.help') return exitCodes.badUsage;
    throw usageError(error, program, argv);
  }
}

export function buildProgram(finish: Finish): Command {
  const { version } = JSON.parse(readFileSync(join(findPackageRoot(), 'package.json'), 'utf8')) as { version: string };
  const program = new Command('lockstep')
    .description(description)
    .version(version)
    .addHelpText('after', firstSteps + epilogue);
  const registrations = [
    trainCommand,
    evaluateCommand,
    predictCommand,
    runCommand,
    exportCommand,
    profileCommand,
    demoCommand,
    doctorCommand,
    benchCommand,
    coordinatorCommand,
    workerCommand,
    certsCommand,
  ];
  for (const register of registrations) register(program, finish);
  for (const line of [program, ...program.commands.flatMap((command) => [command, ...command.commands])]) {
    line
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .showSuggestionAfterError(false);
    line.helpCommand(false);
  }
  // Without a command: the help, where errors go, because nothing was done.
  program.configureOutput({ writeErr: (text) => void (program.args.length === 0 && process.stderr.write(text)) });
  return program;
}

/** Commander's complaint as one of ours, with the nearest thing that it knows. */
function usageError(error: CommanderError, program: Command, argv: readonly string[]): LockstepError {
  const { line, path } = lineOf(program, argv);
  const help = `${path} --help lists what there is`;
  const named = /'(.+)'/.exec(error.message)?.[1] ?? '';
  const message = error.message.replace(/^error: /, '').split('\n', 1)[0] ?? '';
  if (error.code === 'commander.unknownOption') {
    const known = line.options.flatMap(({ long, hidden }) => (long == null || hidden ? [] : [long]));
    return new LockstepError('config/unknown', `unknown option ${named}; ${suggest(named, known)}${help}`);
  }
  if (error.code === 'commander.unknownCommand') {
    const known = line.commands.map((command) => command.name());
    return new LockstepError('config/unknown', `unknown command ${named}; ${suggest(named, known)}${help}`);
  }
  return new LockstepError('config/invalid', `${message}; ${help}`);
}

/** The command that the arguments begin with, down to its own commands. */
function lineOf(program: Command, argv: readonly string[]): { line: Command; path: string } {
  let line = program;
  let path = 'lockstep';
  for (const name of argv) {
    const next = line.commands.find((command) => command.name() === name);
    if (next === undefined) break;
    line = next;
    path += ` ${name}`;
  }
  return { line, path };
}

function suggest(given: string, known: readonly string[]): string {
  const near = nearest(given, known);
  return near === undefined ? '' : `did you mean ${near}? `;
}
