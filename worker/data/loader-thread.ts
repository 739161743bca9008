import { parentPort, workerData } from 'node:worker_threads';
import { assertNever, invariant, LockstepError } from '../../shared/core/index.ts';
import { Adaptations } from './adaptation/adaptations.ts';
import { buffersOf } from './assemble-batch.ts';
import { BatchProducer } from './batch-producer.ts';
import type { FromLoaderThread, LoaderThreadData, ToLoaderThread } from './loader-protocol.ts';
import { openSource } from './open-source.ts';
import type { Source } from './source.ts';

/** The loader's thread: opens the data set, then makes batches whenever it is not asked something else. */
invariant(parentPort !== null, 'loader-thread runs in a worker thread');
const port = parentPort;
const { dataset, context, prefetch } = workerData as LoaderThreadData;

function send(message: FromLoaderThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function fail(pass: number, error: unknown): void {
  const record = LockstepError.from(error, 'data/failed', `data set ${dataset.kind}: `).toRecord();
  send({ kind: 'failed', pass, error: record });
}

function serve(source: Source, adapted: Readonly<Record<string, unknown>>): void {
  const producer = new BatchProducer(source, prefetch);
  let pass = 0;
  let isScheduled = false;

  // One batch a turn, so that a new start or close never waits for more than one batch.
  const produce = (): void => {
    isScheduled = false;
    try {
      const loaded = producer.next();
      if (loaded === undefined) return;
      send({ kind: 'batch', pass, loaded }, buffersOf(loaded.batch));
      schedule();
    } catch (error) {
      producer.stop();
      fail(pass, error);
    }
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(produce);
  };

  port.on('message', (message: ToLoaderThread) => {
    switch (message.kind) {
      case 'start':
        pass = message.pass;
        producer.start(message.range);
        break;
      case 'taken':
        if (message.pass === pass) producer.taken();
        break;
      case 'recycle':
        producer.recycle(message.batch);
        return;
      case 'close':
        producer.stop();
        source.close?.();
        // Ends this thread alone, whatever timers or sockets a data set's own code left behind.
        process.exit(0);
        break;
      default:
        assertNever(message);
    }
    schedule();
  });
  send({ kind: 'opened', size: source.size, inputs: source.inputs, targets: source.targets, adapted });
}

try {
  const adaptations = new Adaptations(context.adapted);
  const onProgress = (text: string): void => send({ kind: 'progress', text });
  const source = await openSource(dataset, { directory: context.directory, onProgress }, adaptations);
  serve(source, adaptations.used());
} catch (error) {
  fail(0, error);
}
