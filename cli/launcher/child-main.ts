import { LockstepError } from '../../shared/core/index.ts';
import { exitCodeFor } from '../failures.ts';
import type { FromChild, ToChild } from './messages.ts';
import { runAsCoordinator, runAsWorker } from './roles.ts';

/**
 * What the launcher forks. Waits for one message that says what to be, is that, and exits. The launcher's death closes
 * the channel, which ends this process too.
 */
process.once('disconnect', () => process.exit(1));
process.once('message', (message: ToChild) => {
  run(message).then((code) => process.exit(code), exitWith);
});

function run(message: ToChild): Promise<number> {
  if (message.kind === 'start-worker') return runAsWorker(message.options);
  return runAsCoordinator(message.options, (address, metricsAddress) => {
    process.send?.({ kind: 'listening', address, metricsAddress } satisfies FromChild);
  });
}

function exitWith(error: unknown): void {
  // Anything else is a bug of Lockstep: it crashes with its stack.
  if (!(error instanceof LockstepError)) throw error;
  const code = exitCodeFor(error);
  // The channel is a pipe: exiting before the callback would lose the message.
  process.send?.({ kind: 'failed', error: error.toRecord() } satisfies FromChild, () => process.exit(code));
}
