import {
  type Command,
  envOf,
  type ResolvedOptions,
  resolveOptions,
  type Verbosity,
} from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import type { Interrupts } from '../launcher/index.ts';

/** What only programs can give. */
export interface ProgramOptions {
  /**
   * Progress on standard error, as in Keras: 0 none, 1 a line that updates in place, 2 a line for each epoch, `auto` as
   * suits where standard error goes. Standard output is never written to.
   */
  readonly verbose?: boolean | 'auto' | 0 | 1 | 2;
  /** Aborting ends the run after the current step. */
  readonly signal?: AbortSignal;
}

/** Options of a command as values; absent ones come from LOCKSTEP_* variables or defaults. @throws LockstepError config/… */
export function resolveGiven<C extends Command>(
  command: C,
  call: string,
  given: Readonly<Record<string, unknown>>,
): ResolvedOptions<C> {
  const values = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
  const env = { ...process.env };
  for (const name of Object.keys(values)) delete env[envOf(name)];
  const resolved = resolveOptions(command, {}, env, { path: `${call}() options`, values });
  if (resolved instanceof LockstepError) throw resolved;
  return resolved;
}

/** @throws LockstepError config/invalid */
export function readVerbose(verbose: ProgramOptions['verbose'], otherwise: Verbosity): Verbosity {
  if (verbose === undefined) return otherwise;
  if (typeof verbose === 'boolean') return verbose ? 'auto' : '0';
  const text = String(verbose);
  if (text === 'auto' || text === '0' || text === '1' || text === '2') return text;
  throw new LockstepError('config/invalid', `verbose: ${text}: expected 'auto', 0, 1, 2, true or false`);
}

export function abortInterrupts(signal: AbortSignal | undefined): Interrupts {
  return (listener) => {
    signal?.addEventListener('abort', listener, { once: true });
    return () => signal?.removeEventListener('abort', listener);
  };
}
