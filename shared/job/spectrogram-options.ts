import { LockstepError } from '../core/index.ts';
import { checkBetween, checkCount } from './checks.ts';
import type { SpectrogramDescription } from './transform-description.ts';

export interface SpectrogramOptions {
  /** Samples in a frame, under a Hann window. */
  readonly frameLength: number;
  /** Samples from a frame's start to the next one's. */
  readonly frameStep: number;
  /** A power of two; the smallest that holds a frame when left out. It gives fftLength / 2 + 1 frequencies. */
  readonly fftLength?: number;
  /** Bands of equal width on the mel scale in place of frequencies, as `tf.signal.linear_to_mel_weight_matrix`. */
  readonly mel?: { readonly bands: number; readonly lowerHz?: number; readonly upperHz?: number };
  /** The natural logarithm of value + 10⁻⁶, or + the given number. */
  readonly log?: boolean | number;
}

/** @throws LockstepError job/invalid */
export function resolveSpectrogram(options: SpectrogramOptions): SpectrogramDescription {
  const { frameLength, frameStep, log = false } = options;
  checkCount('spectrogram: frameLength', frameLength);
  checkCount('spectrogram: frameStep', frameStep);
  const fftLength = options.fftLength ?? 2 ** Math.ceil(Math.log2(frameLength));
  if (!Number.isInteger(Math.log2(fftLength)) || fftLength < frameLength) {
    throw new LockstepError(
      'job/invalid',
      `spectrogram: fftLength must be a power of two of at least frameLength ${frameLength}, got ${fftLength}.`,
    );
  }
  if (typeof log === 'number') checkBetween('spectrogram: log', log, Number.MIN_VALUE, Number.MAX_VALUE);
  const logOffset = log === false ? null : log === true ? 1e-6 : log;
  return { kind: 'spectrogram', frameLength, frameStep, fftLength, mel: resolveMel(options.mel), logOffset };
}

/** TensorFlow's defaults for the band's edges. */
function resolveMel(mel: SpectrogramOptions['mel']): SpectrogramDescription['mel'] {
  if (mel === undefined) return null;
  const { bands, lowerHz = 125, upperHz = 3800 } = mel;
  checkCount('spectrogram: mel.bands', bands);
  checkBetween('spectrogram: mel.lowerHz', lowerHz, 0, Number.MAX_VALUE);
  if (!(upperHz > lowerHz)) {
    throw new LockstepError('job/invalid', `spectrogram: mel.upperHz ${upperHz} must be above lowerHz ${lowerHz}.`);
  }
  return { bands, lowerHz, upperHz };
}
