import { LockstepError } from '../shared/core/index.ts';
import { describeFailure, exitCodeFor, exitCodes } from './failures.ts';
import { parseCommandLine } from './program.ts';

/** The `lockstep` command. */
async function main(): Promise<number> {
  try {
    return await parseCommandLine(process.argv.slice(2));
  } catch (error) {
    console.error(describeFailure(error));
    return error instanceof LockstepError ? exitCodeFor(error) : exitCodes.runFailed;
  }
}

// A handle that somebody forgot must not keep a finished command alive.
process.exit(await main());
