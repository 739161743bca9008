import type { RunResult } from '../coordinator/index.ts';
import { envOf, type ResolvedOptions, resolveOptions } from '../shared/config/index.ts';
import { LockstepError } from '../shared/core/index.ts';
import type { Interrupts } from './launcher/index.ts';
import { checkPaths } from './paths.ts';
import { runCaptured } from './run-captured.ts';

/** The options of `lockstep train` (docs/configuration.md) as values, and what only a program has. */
export type TrainOptions = Partial<Omit<ResolvedOptions<'train'>, 'json'>> & {
  /** Show progress on standard error; standard output is never written to. */
  readonly verbose?: boolean;
  /** Aborting ends the run after the current step, with the model saved; the promise then resolves as usual. */
  readonly signal?: AbortSignal;
};

export type TrainResult = RunResult;

/**
 * Trains a job on worker processes of this machine, as `lockstep train` does. Options that are absent come from
 * LOCKSTEP_* variables or defaults.
 * @throws LockstepError the first failure of the run, or config/… for an option that is not allowed
 */
export async function train(jobFile: string, options: TrainOptions = {}): Promise<TrainResult> {
  const { verbose = false, signal, ...given } = options;
  const resolved = resolveGiven(given);
  checkPaths({ jobFile, data: resolved.data, model: resolved.model, out: resolved.out });
  signal?.throwIfAborted();
  const { outcome, result } = await runCaptured(
    { mode: 'train', jobFile, options: resolved, checkpoint: resolved.model },
    { interrupts: abortInterrupts(signal), progress: verbose ? 'inherit' : 'none' },
  );
  const wasDrained = outcome.failure?.code === 'run/interrupted' && result !== null;
  if (outcome.failure !== null && !wasDrained) throw outcome.failure;
  if (result === null) throw new LockstepError('run/coordinator-lost', 'the run ended without a result');
  return result;
}

function resolveGiven(given: Readonly<Record<string, unknown>>): ResolvedOptions<'train'> {
  const values = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
  const env = { ...process.env };
  for (const name of Object.keys(values)) delete env[envOf(name)];
  const resolved = resolveOptions('train', {}, env, { path: 'train() options', values });
  if (resolved instanceof LockstepError) throw resolved;
  return resolved;
}

function abortInterrupts(signal: AbortSignal | undefined): Interrupts {
  return (listener) => {
    signal?.addEventListener('abort', listener, { once: true });
    return () => signal?.removeEventListener('abort', listener);
  };
}
