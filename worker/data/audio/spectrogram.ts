import type { SpectrogramDescription } from '../../../shared/job/index.ts';
import { cosineAndSine, naturalLog } from './exact-functions.ts';
import { FourierTransform } from './fourier.ts';
import { type MelBand, melBands } from './mel-bands.ts';

/** Sizes of the short-time Fourier transform of one sound, as `abs(tf.signal.stft(…))` gives them. */
export class Spectrogram {
  /** Frequencies, or bands of the mel scale. */
  readonly bins: number;
  readonly #options: SpectrogramDescription;
  readonly #transform: FourierTransform;
  readonly #window: Float64Array;
  readonly #magnitudes: Float64Array;
  readonly #bands: readonly MelBand[] | undefined;

  /** @param sampleRate hertz; needed for the mel scale only */
  constructor(options: SpectrogramDescription, sampleRate: number) {
    const { frameLength, fftLength, mel } = options;
    this.#options = options;
    this.#transform = new FourierTransform(fftLength);
    this.#magnitudes = new Float64Array(fftLength / 2 + 1);
    // Hann's window, periodic where the length is even, as TensorFlow's.
    const period = frameLength % 2 === 0 ? frameLength : frameLength - 1;
    this.#window = Float64Array.from(
      { length: frameLength },
      (_, index) => 0.5 - 0.5 * cosineAndSine(period === 0 ? 0.5 : index / period)[0],
    );
    this.#bands = mel === null ? undefined : melBands(mel, this.#magnitudes.length, sampleRate);
    this.bins = this.#bands?.length ?? this.#magnitudes.length;
  }

  /** Whole frames in a sound of `length` samples; what is left at its end is not used. */
  frames(length: number): number {
    const { frameLength, frameStep } = this.#options;
    return Math.max(Math.floor((length - frameLength) / frameStep) + 1, 0);
  }

  /** Frame `frame` of one channel of `sound` [length, channels]. `write(bin, value)` is called for each bin. */
  compute(
    sound: Float32Array,
    { frame, channel, channels }: { frame: number; channel: number; channels: number },
    write: (bin: number, value: number) => void,
  ): void {
    const { frameLength, frameStep, logOffset } = this.#options;
    const { real, imaginary } = this.#transform;
    real.fill(0);
    imaginary.fill(0);
    for (let index = 0; index < frameLength; index++) {
      const sample = sound[(frame * frameStep + index) * channels + channel] as number;
      real[index] = sample * (this.#window[index] as number);
    }
    this.#transform.transform();
    for (let bin = 0; bin < this.#magnitudes.length; bin++) {
      const [re, im] = [real[bin] as number, imaginary[bin] as number];
      this.#magnitudes[bin] = Math.sqrt(re * re + im * im);
    }
    for (let bin = 0; bin < this.bins; bin++) {
      const value = this.#valueOf(bin);
      write(bin, logOffset === null ? value : naturalLog(value + logOffset));
    }
  }

  #valueOf(bin: number): number {
    const band = this.#bands?.[bin];
    if (band === undefined) return this.#magnitudes[bin] as number;
    let sum = 0;
    for (const [offset, weight] of band.weights.entries()) {
      sum += weight * (this.#magnitudes[band.first + offset] as number);
    }
    return sum;
  }
}
