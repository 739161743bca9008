import { parentPort, workerData } from 'node:worker_threads';
import { invariant, LockstepError } from '../../../shared/core/index.ts';
import { openStorage } from './storage.ts';
import { retainCheckpoints, type TrainingCheckpoint, writeCheckpoint } from './write-checkpoint.ts';
import type { FromWriter, ToWriter, WriterSettings } from './writer-protocol.ts';

// Entry of the thread that writes checkpoints: encoding, hashing and the disk's or the network's time are not the
// training's.
invariant(parentPort !== null, 'writer-thread runs as a worker thread');
const main = parentPort;
const { location, retention } = workerData as WriterSettings;
const storage = openStorage(location);
// Whoever writes meets the reason.
storage.catch(() => {});

main.on('message', ({ checkpoint }: ToWriter) => {
  write(checkpoint).then(
    (message) => main.postMessage(message),
    (error: unknown) => main.postMessage(failed(checkpoint.step, error)),
  );
});

async function write(checkpoint: TrainingCheckpoint): Promise<FromWriter> {
  const started = performance.now();
  const written = await writeCheckpoint(await storage, checkpoint);
  await retainCheckpoints(await storage, retention);
  return { kind: 'written', ...written, seconds: (performance.now() - started) / 1000 };
}

function failed(step: number, cause: unknown): FromWriter {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  const error = new LockstepError('checkpoint/write', `the checkpoint of step ${step} in ${location}: ${reason}`, {
    details: { location, step, reason: (cause as NodeJS.ErrnoException).code ?? null },
    cause,
  });
  return { kind: 'failed', step, error: error.toRecord() };
}
