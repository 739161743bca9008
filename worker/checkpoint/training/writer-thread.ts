import { parentPort, workerData } from 'node:worker_threads';
import { invariant, LockstepError } from '../../../shared/core/index.ts';
import { openStorage, placeOf } from './storage.ts';
import { amendCheckpoint, retainCheckpoints, type TrainingCheckpoint, writeCheckpoint } from './write-checkpoint.ts';
import type { FromWriter, ToWriter, WriterSettings } from './writer-protocol.ts';

// Entry of the thread that writes checkpoints: encoding, hashing and the disk's or the network's time are not the
// training's.
invariant(parentPort !== null, 'writer-thread runs as a worker thread');
const main = parentPort;
const { location, retention } = workerData as WriterSettings;
const storage = openStorage(location);
// Whoever writes meets the reason.
storage.catch(() => {});

/** In the order of the messages: an amendment comes after what it amends. */
let work: Promise<void> = Promise.resolve();

main.on('message', (message: ToWriter) => {
  work = work.then(() => (message.kind === 'write' ? write(message.checkpoint) : amend(message)));
});

async function write(checkpoint: TrainingCheckpoint): Promise<void> {
  const started = performance.now();
  let answer: FromWriter;
  try {
    assertFinite(checkpoint);
    const place = await storage;
    const written = await writeCheckpoint(place, checkpoint);
    await retainCheckpoints(place, retention);
    const seconds = (performance.now() - started) / 1000;
    answer = { kind: 'written', ...written, place: placeOf(place, written.name), seconds };
  } catch (error) {
    answer = failed(checkpoint.step, error);
  }
  main.postMessage(answer);
}

/** Nothing hangs on it but which checkpoint counts as the best one. */
async function amend({ step, measured }: Extract<ToWriter, { kind: 'amend' }>): Promise<void> {
  try {
    await amendCheckpoint(await storage, step, measured);
    await retainCheckpoints(await storage, retention);
  } catch {
    // It stays without: whoever reads it finds it whole.
  }
  main.postMessage({ kind: 'amended', step } satisfies FromWriter);
}

/** Training diverged in the very step: a run that went on from here could only fail again. */
function assertFinite({ groups }: TrainingCheckpoint): void {
  const broken = Object.values(groups)
    .flat()
    .find(({ values }) => !values.every(Number.isFinite));
  if (broken !== undefined) throw new Error(`${broken.name} holds values that are not finite`);
}

function failed(step: number, cause: unknown): FromWriter {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  const error = new LockstepError('checkpoint/write', `the checkpoint of step ${step} in ${location}: ${reason}`, {
    details: { location, step, reason: (cause as NodeJS.ErrnoException).code ?? null },
    cause,
  });
  return { kind: 'failed', step, error: error.toRecord() };
}
