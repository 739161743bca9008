import { parentPort, workerData } from 'node:worker_threads';
import { invariant, LockstepError } from '../../shared/core/index.ts';
import { LinkSession } from './link-session.ts';
import type { LinkSettings } from './link-settings.ts';
import type { LinkToMain, MainToLink } from './protocol.ts';

// Entry of a worker's link thread: everything that talks to other processes, so that heartbeats and peers' requests are
// answered while the main thread is blocked inside TensorFlow.
invariant(parentPort !== null, 'link-thread runs as a worker thread');
const main = parentPort;

const session = new LinkSession(workerData as LinkSettings, (message: LinkToMain, transfer = []) =>
  main.postMessage(message, transfer),
);
main.on('message', (message: MainToLink) => session.fromMain(message));
session.start().catch((error: unknown) => {
  const failure = LockstepError.from(error, 'rpc/unreachable', 'the link thread failed: ');
  main.postMessage({ kind: 'stop', error: failure.toRecord() } satisfies LinkToMain);
});
