import { LockstepError } from '../../shared/core/index.ts';
import type { DatasetDescription } from '../../shared/job/index.ts';
import { openArrays } from './readers/arrays.ts';
import { openCifar10 } from './readers/cifar10.ts';
import { openGlyphs } from './readers/glyphs.ts';
import { openIdx } from './readers/idx.ts';
import type { OpenContext, Source } from './source.ts';
import { applyTransforms } from './transforms/index.ts';

type Reader = (description: DatasetDescription, context: OpenContext) => Source | Promise<Source>;

const readers: Readonly<Record<string, Reader>> = {
  cifar10: openCifar10,
  idx: openIdx,
  glyphs: openGlyphs,
  arrays: openArrays,
  // Only jobs with a reader of their own pay for loading the TypeScript compiler.
  custom: async (description, context) => (await import('./readers/custom.ts')).openCustom(description, context),
};

/**
 * Opens a data set with its transforms.
 * @throws LockstepError data/missing, data/corrupt, data/empty, data/shape, job/invalid, job/threw
 */
export async function openSource(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const reader = readers[description.kind];
  if (reader === undefined) {
    throw new LockstepError(
      'job/invalid',
      `unknown kind of data set "${description.kind}"; known: ${Object.keys(readers).join(', ')}`,
    );
  }
  const opened = await reader(description, context);
  try {
    const source = applyTransforms(opened, description.transforms);
    if (source.size >= 1) return source;
    throw new LockstepError(
      'data/empty',
      `data set ${description.kind} holds ${opened.size} samples and none is left by its slices`,
    );
  } catch (error) {
    opened.close?.();
    throw error;
  }
}
