import type { Job } from '../../shared/job/index.ts';
import { BatchLoader, type OpenContext } from '../data/index.ts';

/** One loader thread per split; absent splits are undefined. */
export interface OpenLoaders {
  readonly train: BatchLoader;
  readonly validation: BatchLoader | undefined;
  readonly test: BatchLoader | undefined;
  readonly sizes: { readonly train: number; readonly validation: number; readonly test: number };
  close(): Promise<void>;
}

/** @throws LockstepError data/missing, data/corrupt, data/empty; whatever was opened before is closed again */
export async function openLoaders(data: Job['data'], context: OpenContext): Promise<OpenLoaders> {
  const opened: BatchLoader[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((loader) => loader.close()));
  };
  const open = async (dataset: Job['data']['train']): Promise<BatchLoader> => {
    const loader = await BatchLoader.open({ dataset, context, prefetch: PREFETCH_BATCHES });
    opened.push(loader);
    return loader;
  };
  try {
    const train = await open(data.train);
    const validation = data.validation === undefined ? undefined : await open(data.validation);
    const test = data.test === undefined ? undefined : await open(data.test);
    const sizes = { train: train.size, validation: validation?.size ?? 0, test: test?.size ?? 0 };
    return { train, validation, test, sizes, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Hides the jitter of reading; more only costs memory (a 64×64×3 batch of 32 is 1.5 MB). */
const PREFETCH_BATCHES = 4;
