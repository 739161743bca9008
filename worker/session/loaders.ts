import type { Job } from '../../shared/job/index.ts';
import { BatchLoader, type LoaderContext } from '../data/index.ts';

/** One loader thread per split; absent splits are undefined. */
export interface OpenLoaders {
  readonly train: BatchLoader;
  readonly validation: BatchLoader | undefined;
  readonly test: BatchLoader | undefined;
  readonly sizes: { readonly train: number; readonly validation: number; readonly test: number };
  /** What their transforms measured, by key: saved with the model and given again to predict. */
  readonly adapted: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** @throws LockstepError data/missing, data/corrupt, data/empty; whatever was opened before is closed again */
export async function openLoaders(data: Job['data'], context: LoaderContext): Promise<OpenLoaders> {
  const opened: BatchLoader[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((loader) => loader.close()));
  };
  const open = async (dataset: Job['data']['train']): Promise<BatchLoader> => {
    const known = { ...context, adapted: { ...context.adapted, ...adaptedBy(opened) } };
    const loader = await BatchLoader.open({ dataset, context: known, prefetch: PREFETCH_BATCHES, onProgress });
    opened.push(loader);
    return loader;
  };
  try {
    const train = await open(data.train);
    const validation = data.validation === undefined ? undefined : await open(data.validation);
    const test = data.test === undefined ? undefined : await open(data.test);
    const sizes = { train: train.size, validation: validation?.size ?? 0, test: test?.size ?? 0 };
    return { train, validation, test, sizes, adapted: adaptedBy(opened), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Hides the jitter of reading; more only costs memory (a 64×64×3 batch of 32 is 1.5 MB). */
const PREFETCH_BATCHES = 4;

function adaptedBy(loaders: readonly BatchLoader[]): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...loaders.map(({ adapted }) => adapted)) as Readonly<Record<string, unknown>>;
}

/** A download is worth a line; the launcher puts the worker's name before it. */
function onProgress(text: string): void {
  process.stderr.write(`data: ${text}\n`);
}

/** How a saved model keeps what its data sets' transforms measured. */
export function savedAdaptations(adapted: OpenLoaders['adapted']): Readonly<Record<string, unknown>> {
  return Object.keys(adapted).length === 0 ? {} : { adapted };
}

/** What a saved model's data sets measured: a model must meet the words and scales it was trained with. */
export function adaptedOf(metadata: Readonly<Record<string, unknown>> | undefined): OpenLoaders['adapted'] {
  const adapted = metadata?.['adapted'];
  return typeof adapted === 'object' && adapted !== null ? (adapted as Readonly<Record<string, unknown>>) : {};
}
