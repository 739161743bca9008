import { assertNever } from '../../../shared/core/index.ts';
import type { DatasetDescription, TransformDescription } from '../../../shared/job/index.ts';
import type { Adaptations } from '../adaptation/adaptations.ts';
import { measureMoments } from '../adaptation/measure-moments.ts';
import { measureVocabulary } from '../adaptation/measure-vocabulary.ts';
import type { Source } from '../source.ts';
import { augmentInputs } from './augment.ts';
import { padInputs, tokenizeTexts } from './loose.ts';
import { normalizeInputs } from './normalize.ts';
import { oneHotTargets } from './one-hot.ts';
import { partOf, shuffleSource, sliceSource } from './order.ts';
import { reshapeInputs } from './reshape.ts';
import { resizeInputs } from './resize.ts';
import { scaleInputs } from './scale.ts';
import { spectrogramInputs } from './spectrogram.ts';
import { weighByClass, weighSamples } from './weights.ts';

export { assertShaped } from './loose.ts';

/** What a transform that adapts to a data set needs. */
export interface AdaptationTools {
  readonly adaptations: Adaptations;
  open(dataset: DatasetDescription): Promise<Source>;
}

/** A source that delivers what `source` does after the transforms, the first one first; closes it with itself. */
export async function applyTransforms(
  source: Source,
  transforms: readonly TransformDescription[],
  tools: AdaptationTools,
): Promise<Source> {
  let transformed = source;
  for (const [place, transform] of transforms.entries()) {
    transformed = await applyTransform(transformed, transform, place, tools);
  }
  return transformed;
}

async function applyTransform(
  source: Source,
  transform: TransformDescription,
  place: number,
  tools: AdaptationTools,
): Promise<Source> {
  switch (transform.kind) {
    case 'resize':
      return resizeInputs(source, transform.height, transform.width);
    case 'scale':
      return scaleInputs(source, transform.factor, transform.offset);
    case 'oneHot':
      return oneHotTargets(source, transform.classes);
    case 'reshape':
      return reshapeInputs(source, transform.shape);
    case 'slice':
      return sliceSource(source, transform.start, transform.end);
    case 'part':
      return partOf(source, transform.from, transform.to);
    case 'shuffle':
      return shuffleSource(source, transform.seed);
    case 'sampleWeights':
      return weighSamples(source, transform.weights);
    case 'classWeight':
      return weighByClass(source, transform.weights);
    case 'padSequences':
      return padInputs(source, transform.padding);
    case 'tokenize': {
      const { options, adaptTo } = transform;
      const measure = (adapted: Source): string[] => measureVocabulary(adapted, options);
      return tokenizeTexts(source, await adapt(['tokenize', options], adaptTo, measure, tools), options);
    }
    case 'normalize': {
      if (!('adaptTo' in transform)) return normalizeInputs(source, transform);
      return normalizeInputs(source, await adapt(['normalize'], transform.adaptTo, measureMoments, tools));
    }
    case 'spectrogram':
      return spectrogramInputs(source, transform);
    case 'randomFlip':
    case 'randomCrop':
    case 'randomRotation':
    case 'randomTranslation':
    case 'randomContrast':
      return augmentInputs(source, transform, place);
    default:
      return assertNever(transform);
  }
}

/** What is known of the data set already, else measured over all of it. */
function adapt<Value>(
  what: object,
  dataset: DatasetDescription,
  measure: (source: Source) => Value,
  { adaptations, open }: AdaptationTools,
): Promise<Value> {
  return adaptations.get(what, dataset, async () => {
    const source = await open(dataset);
    try {
      return measure(source);
    } finally {
      source.close?.();
    }
  });
}
