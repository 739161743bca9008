import { cosineAndSine } from './exact-functions.ts';

/**
 * Fast Fourier transform of a power of two of values, in place (Cooley and Tukey, 1965, radix 2), in float64: the same
 * additions in the same order on every machine.
 */
export class FourierTransform {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  readonly #reversed: Uint32Array;

  /** @param length a power of two */
  constructor(length: number) {
    this.real = new Float64Array(length);
    this.imaginary = new Float64Array(length);
    const roots = Array.from({ length: length / 2 }, (_, index) => cosineAndSine(index / length));
    this.#cosines = Float64Array.from(roots, ([cosine]) => cosine);
    this.#sines = Float64Array.from(roots, ([, sine]) => -sine);
    const bits = Math.round(Math.log2(length));
    this.#reversed = Uint32Array.from({ length }, (_, index) => reverseBits(index, bits));
  }

  /** Transforms `real` + i·`imaginary`. */
  transform(): void {
    this.#reorder();
    const length = this.real.length;
    for (let half = 1; half < length; half *= 2) {
      for (let start = 0; start < length; start += 2 * half) {
        for (let index = 0; index < half; index++) this.#combine(start + index, half, (index * length) / (2 * half));
      }
    }
  }

  #combine(upper: number, half: number, root: number): void {
    const { real, imaginary } = this;
    const lower = upper + half;
    const [cosine, sine] = [this.#cosines[root] as number, this.#sines[root] as number];
    const [lowReal, lowImaginary] = [real[lower] as number, imaginary[lower] as number];
    const turnedReal = lowReal * cosine - lowImaginary * sine;
    const turnedImaginary = lowReal * sine + lowImaginary * cosine;
    const [highReal, highImaginary] = [real[upper] as number, imaginary[upper] as number];
    real[lower] = highReal - turnedReal;
    imaginary[lower] = highImaginary - turnedImaginary;
    real[upper] = highReal + turnedReal;
    imaginary[upper] = highImaginary + turnedImaginary;
  }

  #reorder(): void {
    for (const values of [this.real, this.imaginary]) {
      for (let index = 0; index < values.length; index++) {
        const other = this.#reversed[index] as number;
        if (other <= index) continue;
        const held = values[index] as number;
        values[index] = values[other] as number;
        values[other] = held;
      }
    }
  }
}

function reverseBits(value: number, bits: number): number {
  let reversed = 0;
  for (let bit = 0; bit < bits; bit++) reversed = reversed * 2 + ((value >>> bit) & 1);
  return reversed;
}
