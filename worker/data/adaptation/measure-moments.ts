import { at, LockstepError } from '../../../shared/core/index.ts';
import type { Source } from '../source.ts';
import { valuesPerSample } from '../values-per-sample.ts';

/** Mean and variance for each place in the last axis. */
export interface Moments {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
}

/**
 * Over all samples, in float64 and in their order, so that every worker measures the same; the variance divides by the
 * count, as Keras's Normalization. Deviations are taken from the first sample's values (Chan, Golub and LeVeque,
 * "Algorithms for computing the sample variance", 1983), which keeps what a sum of squares would lose.
 * @throws LockstepError data/shape when there is not one float input, data/corrupt for values that are not finite
 */
export function measureMoments(source: Source): Moments {
  const [spec] = source.inputs;
  if (source.inputs.length !== 1 || spec?.dtype !== 'float32') {
    throw new LockstepError(
      'data/shape',
      `normalize adapts to data sets of one float32 input, got ${source.inputs.length}`,
    );
  }
  const places = spec.shape.at(-1) ?? 1;
  const values = new Float32Array(valuesPerSample(spec));
  const targets = source.targets.map((target) =>
    target.dtype === 'int32' ? new Int32Array(valuesPerSample(target)) : new Float32Array(valuesPerSample(target)),
  );
  const shift = new Float64Array(places);
  const sums = new Float64Array(places);
  const squares = new Float64Array(places);
  for (let index = 0; index < source.size; index++) {
    values.fill(0);
    source.read(index, [values], targets);
    if (index === 0) shift.set(values.subarray(0, places));
    addValues(values, shift, sums, squares);
    checkFinite(sums, index);
  }
  const count = (source.size * values.length) / places;
  const mean = Array.from(sums, (sum, place) => at(shift, place) + sum / count);
  const variance = Array.from(squares, (square, place) => Math.max(square / count - (at(sums, place) / count) ** 2, 0));
  return { mean, variance };
}

function addValues(values: Float32Array, shift: Float64Array, sums: Float64Array, squares: Float64Array): void {
  const places = shift.length;
  for (let position = 0; position < values.length; position++) {
    const place = position % places;
    const deviation = (values[position] as number) - (shift[place] as number);
    sums[place] = (sums[place] as number) + deviation;
    squares[place] = (squares[place] as number) + deviation * deviation;
  }
}

function checkFinite(sums: Float64Array, sample: number): void {
  if (sums.every(Number.isFinite)) return;
  throw new LockstepError('data/corrupt', `normalize: sample ${sample} holds values that are not finite numbers`, {
    details: { sample },
  });
}
