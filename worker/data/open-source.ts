import { LockstepError } from '../../shared/core/index.ts';
import type { DatasetDescription } from '../../shared/job/index.ts';
import { Adaptations } from './adaptation/adaptations.ts';
import { openArrays } from './readers/arrays.ts';
import { openAudioFolder } from './readers/audio-folder.ts';
import { openCifar10 } from './readers/cifar10.ts';
import { openCsv } from './readers/csv.ts';
import { openFrameFolder } from './readers/frame-folder.ts';
import { openGlyphs } from './readers/glyphs.ts';
import { openFashionMnist, openIdx } from './readers/idx.ts';
import { openImageFolder } from './readers/image-folder.ts';
import { openJsonLines } from './readers/json-lines.ts';
import { openImdb, openReuters } from './readers/keras-sequences.ts';
import { openMnist, openNumpy } from './readers/numpy.ts';
import type { OpenContext, Source } from './source.ts';
import { applyTransforms, assertShaped } from './transforms/index.ts';

type Reader = (description: DatasetDescription, context: OpenContext) => Source | Promise<Source>;

const readers: Readonly<Record<string, Reader>> = {
  cifar10: openCifar10,
  mnist: openMnist,
  fashionMnist: openFashionMnist,
  reuters: openReuters,
  imdb: openImdb,
  idx: openIdx,
  numpy: openNumpy,
  csv: openCsv,
  jsonLines: openJsonLines,
  imageFolder: openImageFolder,
  frameFolder: openFrameFolder,
  audioFolder: openAudioFolder,
  glyphs: openGlyphs,
  arrays: openArrays,
  // Only jobs with a reader of their own pay for loading the TypeScript compiler.
  custom: async (description, context) => (await import('./readers/custom.ts')).openCustom(description, context),
};

/**
 * Opens a data set with its transforms. What they measure is taken from `adaptations` where it is known there.
 * @throws LockstepError data/missing, data/corrupt, data/empty, data/shape, job/invalid, job/threw
 */
export async function openSource(
  description: DatasetDescription,
  context: OpenContext,
  adaptations = new Adaptations(),
): Promise<Source> {
  const source = await openTransformed(description, context, adaptations);
  try {
    assertShaped(source);
    return source;
  } catch (error) {
    source.close?.();
    throw error;
  }
}

/** Its inputs may have no shape yet: transforms adapt to such. */
async function openTransformed(
  description: DatasetDescription,
  context: OpenContext,
  adaptations: Adaptations,
): Promise<Source> {
  const reader = Object.hasOwn(readers, description.kind) ? readers[description.kind] : undefined;
  if (reader === undefined) {
    throw new LockstepError(
      'job/invalid',
      `unknown kind of data set "${description.kind}"; known: ${Object.keys(readers).join(', ')}`,
    );
  }
  const opened = await reader(description, context);
  const open = (dataset: DatasetDescription): Promise<Source> => openTransformed(dataset, context, adaptations);
  try {
    const source = await applyTransforms(opened, description.transforms, { adaptations, open });
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
