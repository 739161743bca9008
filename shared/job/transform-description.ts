import type { Padding, TokenizerOptions } from '../preprocessing/index.ts';
import type { SharedTensor } from './array-tensors.ts';
import type { DatasetDescription } from './job.ts';

export type FillMode = 'reflect' | 'nearest' | 'constant';
export type FlipMode = 'horizontal' | 'vertical' | 'horizontalAndVertical';

/** How one transform changes a data set; plain, so that it crosses threads and is hashed with the job. */
export type TransformDescription =
  | { readonly kind: 'resize'; readonly height: number; readonly width: number }
  | { readonly kind: 'scale'; readonly factor: number; readonly offset: number }
  | { readonly kind: 'oneHot'; readonly classes: number }
  | { readonly kind: 'reshape'; readonly shape: readonly number[] }
  /** Keeps samples [start, end) as `Array.prototype.slice` counts them: below 0 from the end; `null` is the end. */
  | { readonly kind: 'slice'; readonly start: number; readonly end: number | null }
  /** Keeps samples [⌊from · size⌋, ⌊to · size⌋). */
  | { readonly kind: 'part'; readonly from: number; readonly to: number }
  | { readonly kind: 'shuffle'; readonly seed: number }
  /** One for each sample. */
  | { readonly kind: 'sampleWeights'; readonly weights: SharedTensor }
  /** Pairs of a class number and its weight. */
  | { readonly kind: 'classWeight'; readonly weights: readonly (readonly [number, number])[] }
  | { readonly kind: 'tokenize'; readonly adaptTo: DatasetDescription; readonly options: Required<TokenizerOptions> }
  | { readonly kind: 'padSequences'; readonly padding: Padding }
  | NormalizeDescription
  | SpectrogramDescription
  | AugmentDescription;

export type NormalizeDescription =
  | { readonly kind: 'normalize'; readonly adaptTo: DatasetDescription }
  | { readonly kind: 'normalize'; readonly mean: readonly number[]; readonly variance: readonly number[] };

export interface SpectrogramDescription {
  readonly kind: 'spectrogram';
  readonly frameLength: number;
  readonly frameStep: number;
  /** A power of two, at least frameLength. */
  readonly fftLength: number;
  /** Sums over bands of the mel scale in place of frequencies. */
  readonly mel: { readonly bands: number; readonly lowerHz: number; readonly upperHz: number } | null;
  /** Added before the natural logarithm; null takes none. */
  readonly logOffset: number | null;
}

/** Random in training, a function of (seed, epoch, sample, place in the list of transforms); off in evaluation. */
export type AugmentDescription =
  | { readonly kind: 'randomFlip'; readonly mode: FlipMode }
  | { readonly kind: 'randomCrop'; readonly height: number; readonly width: number }
  | {
      readonly kind: 'randomRotation';
      /** Least and greatest angle in turns, counterclockwise. */
      readonly lower: number;
      readonly upper: number;
      readonly fillMode: FillMode;
      readonly fillValue: number;
    }
  | {
      readonly kind: 'randomTranslation';
      /** Greatest shift as a share of the height and of the width. */
      readonly height: number;
      readonly width: number;
      readonly fillMode: FillMode;
      readonly fillValue: number;
    }
  | { readonly kind: 'randomContrast'; readonly lower: number; readonly upper: number };
