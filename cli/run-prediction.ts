import { rm } from 'node:fs/promises';
import type { ResolvedOptions } from '../shared/config/index.ts';
import { PredictionReader, shardDirectory } from '../shared/predictions/index.ts';
import type { LaunchOutcome, PlanInput, PredictionOptions } from './launcher/index.ts';
import { type CaptureOptions, runCaptured } from './run-captured.ts';

/** Options of a run that a prediction, which neither trains nor exchanges anything, has no use for. */
const unused: PredictionOptions = {
  ...{ epochs: null, maxSteps: null, accumulate: null, seed: null, dumpGraph: null, replicas: null },
  ...{ wire: null, algorithm: 'auto', bucketBytes: 4 * 2 ** 20, segmentBytes: 2 ** 20, segmentTimeoutMs: 30_000 },
  ...{ sharedMemory: 'off', json: false, verbose: '0' },
};

/**
 * Predicts on worker processes of this machine; `take` then reads all predictions, in order. Not called when the run
 * failed, which the outcome tells.
 * @throws LockstepError run/diverged where what the workers left is not whole
 */
export async function runPrediction<T>(
  job: Pick<PlanInput, 'jobFile' | 'jobPlace'>,
  options: ResolvedOptions<'predict'>,
  capture: CaptureOptions,
  take: (reader: PredictionReader) => Promise<T>,
): Promise<{ readonly outcome: LaunchOutcome; readonly taken: T | null }> {
  const { out, workers, model } = options;
  const shards = shardDirectory(out);
  await rm(shards, { recursive: true, force: true });
  try {
    const run = { mode: 'predict', ...job, options: { ...options, ...unused }, checkpoint: model } as const;
    const { outcome } = await runCaptured(run, capture);
    if (outcome.failure !== null || outcome.exitCode !== 0) return { outcome, taken: null };
    const reader = await PredictionReader.open(out, workers);
    try {
      return { outcome, taken: await take(reader) };
    } finally {
      await reader.close();
    }
  } finally {
    await rm(shards, { recursive: true, force: true });
  }
}
