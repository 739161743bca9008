import { at, LockstepError } from '../../../shared/core/index.ts';
import type { BatchValues, SharedTensor } from '../../../shared/job/index.ts';
import type { Source } from '../source.ts';
import { valuesPerSample } from '../values-per-sample.ts';

/** Gives each sample its weight. @throws LockstepError data/shape where there are more or fewer weights */
export function weighSamples(source: Source, { values }: Pick<SharedTensor, 'values'>): Source {
  if (values.length === source.size) {
    return { ...source, weigh: (index) => at(values, index), close: () => source.close?.() };
  }
  throw new LockstepError(
    'data/shape',
    `sampleWeights holds ${values.length} weights, but the data set holds ${source.size} samples at this place of its ` +
      'transforms',
  );
}

/**
 * Weighs each sample by its class: the greatest of a target of several values, else the value itself, rounded
 * (keras/src/trainers/data_adapters/data_adapter_utils.py, class_weight_to_sample_weights).
 * @throws LockstepError data/shape where targets are no classes, job/invalid where samples have weights already
 */
export function weighByClass(source: Source, weights: readonly (readonly [number, number])[]): Source {
  const [spec] = source.targets;
  if (source.targets.length !== 1 || spec === undefined || spec.shape.length > 1) {
    const shapes = source.targets.map(({ shape }) => `[${shape.join(', ')}]`).join(', ');
    throw new LockstepError('data/shape', `classWeight needs one target, a class or one-hot, got shapes ${shapes}`);
  }
  if (source.weigh !== undefined) {
    throw new LockstepError('job/invalid', 'the data set weighs its samples itself; use that or classWeight, not both');
  }
  const byClass = new Map(weights);
  const isOneHot = valuesPerSample(spec) > 1;
  return {
    ...source,
    weigh: (_index, [target]) => {
      const label = target === undefined ? 0 : isOneHot ? greatest(target) : Math.round(at(target, 0));
      return byClass.get(label) ?? 1;
    },
    close: () => source.close?.(),
  };
}

/** The first of equal ones. */
function greatest(values: BatchValues): number {
  let place = 0;
  for (let index = 1; index < values.length; index++) if (at(values, index) > at(values, place)) place = index;
  return place;
}
