import { at, LockstepError } from '../../../shared/core/index.ts';
import type { Moments } from '../adaptation/measure-moments.ts';
import type { Source } from '../source.ts';

/** Keras's `epsilon()`: what a standard deviation is at least. */
const EPSILON = 1e-7;

/** Every float32 input becomes (value − mean) / max(√variance, 10⁻⁷), by the place in the last axis. */
export function normalizeInputs(source: Source, { mean, variance }: Moments): Source {
  const places = mean.length;
  for (const { shape, dtype } of source.inputs) {
    if (places === 1 || dtype !== 'float32' || shape.at(-1) === places) continue;
    throw new LockstepError(
      'data/shape',
      `normalize has ${places} means, but the last axis of input [${shape.join(', ')}] has ${shape.at(-1)} places`,
    );
  }
  const means = Float32Array.from(mean);
  const deviations = Float32Array.from(variance, (value) => Math.max(Math.sqrt(Math.fround(value)), EPSILON));
  return {
    ...source,
    read(index, inputs, targets, visit) {
      source.read(index, inputs, targets, visit);
      for (const [input, values] of inputs.entries()) {
        if (at(source.inputs, input).dtype !== 'float32') continue;
        for (let position = 0; position < values.length; position++) {
          const place = position % places;
          values[position] =
            Math.fround((values[position] as number) - (means[place] as number)) / (deviations[place] as number);
        }
      }
    },
    close: () => source.close?.(),
  };
}
