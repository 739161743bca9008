import { assertNever } from '../../../shared/core/index.ts';
import type { TransformDescription } from '../../../shared/job/index.ts';
import type { Source } from '../source.ts';
import { oneHotTargets } from './one-hot.ts';
import { resizeInputs } from './resize.ts';
import { scaleInputs } from './scale.ts';
import { sliceSource } from './slice.ts';

/** A source that delivers what `source` does after the transforms, the first one first; closes it with itself. */
export function applyTransforms(source: Source, transforms: readonly TransformDescription[]): Source {
  return transforms.reduce(applyTransform, source);
}

function applyTransform(source: Source, transform: TransformDescription): Source {
  switch (transform.kind) {
    case 'resize':
      return resizeInputs(source, transform.height, transform.width);
    case 'scale':
      return scaleInputs(source, transform.factor, transform.offset);
    case 'oneHot':
      return oneHotTargets(source, transform.classes);
    case 'slice':
      return sliceSource(source, transform.start, transform.end);
    default:
      return assertNever(transform);
  }
}
