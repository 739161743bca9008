import { naturalLog } from './exact-functions.ts';

/** A triangle over neighbouring frequencies. */
export interface MelBand {
  /** The first frequency's number. */
  readonly first: number;
  readonly weights: Float64Array;
}

/**
 * The columns of `tf.signal.linear_to_mel_weight_matrix`: triangles that are equally wide on the mel scale of the HTK
 * toolkit, mel = 1127 · ln(1 + f / 700), without the frequency 0.
 * @param frequencies from 0 to half of the sample rate, evenly spaced
 */
export function melBands(
  { bands, lowerHz, upperHz }: { readonly bands: number; readonly lowerHz: number; readonly upperHz: number },
  frequencies: number,
  sampleRate: number,
): MelBand[] {
  const mel = (hertz: number): number => 1127 * naturalLog(1 + hertz / 700);
  const [lower, upper] = [mel(lowerHz), mel(upperHz)];
  const places = Array.from({ length: frequencies }, (_, index) => mel((index * sampleRate) / 2 / (frequencies - 1)));
  const width = (upper - lower) / (bands + 1);
  return Array.from({ length: bands }, (_, band) => {
    const [left, middle, right] = [lower + band * width, lower + (band + 1) * width, lower + (band + 2) * width];
    const weights = places.map((place, index) =>
      index === 0 ? 0 : Math.max(0, Math.min((place - left) / (middle - left), (right - place) / (right - middle))),
    );
    const first = Math.max(
      weights.findIndex((weight) => weight > 0),
      0,
    );
    const end = weights.findLastIndex((weight) => weight > 0) + 1;
    return { first, weights: Float64Array.from(weights.slice(first, end)) };
  });
}
