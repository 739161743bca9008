import { LockstepError } from '../../shared/core/index.ts';
import { exitCodeFor } from '../failures.ts';
import { parseErrorText } from './error-text.ts';
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
  const onListening = (address: string, metricsAddress: string | null) => {
    process.send?.({ kind: 'listening', address, metricsAddress } satisfies FromChild);
  };
  // The launcher drains by SIGINT; when it sends SIGTERM the time for that is over.
  return runAsCoordinator(message.options, {
    onListening,
    onLeft: (workerId) => process.send?.({ kind: 'left', workerId } satisfies FromChild),
    onErrorText: (text) => {
      const error = parseErrorText(text);
      if (error !== null) process.send?.({ kind: 'failed', error, wasTold: true } satisfies FromChild);
    },
    drainOn: ['SIGINT'],
  });
}

function exitWith(error: unknown): void {
  // Anything else is a bug of Lockstep: it crashes with its stack.
  if (!(error instanceof LockstepError)) throw error;
  const code = exitCodeFor(error);
  // The channel is a pipe: exiting before the callback would lose the message.
  process.send?.({ kind: 'failed', error: error.toRecord(), wasTold: false } satisfies FromChild, () =>
    process.exit(code),
  );
}
