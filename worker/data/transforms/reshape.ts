import { LockstepError } from '../../../shared/core/index.ts';
import type { Source } from '../source.ts';
import { valuesPerSample } from '../values-per-sample.ts';

/** The same values in another shape. @throws LockstepError data/shape when the number of values differs */
export function reshapeInputs(source: Source, shape: readonly number[]): Source {
  const wanted = shape.reduce((product, size) => product * size, 1);
  const wrong = source.inputs.find((spec) => valuesPerSample(spec) !== wanted);
  if (wrong !== undefined || source.inputs.length === 0) {
    const from = wrong === undefined ? 'an input without a shape' : `[${wrong.shape.join(', ')}]`;
    throw new LockstepError('data/shape', `reshape cannot make [${shape.join(', ')}] (${wanted} values) of ${from}`);
  }
  return {
    ...source,
    inputs: source.inputs.map(({ dtype }) => ({ shape, dtype })),
    read: (index, inputs, targets, visit) => source.read(index, inputs, targets, visit),
    close: () => source.close?.(),
  };
}
