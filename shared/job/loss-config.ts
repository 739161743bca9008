/** What the cross-entropies have in common. */
export interface CrossentropyOptions {
  /** The outputs are logits: what comes before softmax or sigmoid. */
  readonly fromLogits: boolean;
  /** Share of each target that is spread over all classes, 0 to 1. */
  readonly labelSmoothing: number;
}

/** Loss functions without options. */
type PlainLossName =
  | 'meanSquaredError'
  | 'meanAbsoluteError'
  | 'meanAbsolutePercentageError'
  | 'meanSquaredLogarithmicError'
  | 'logCosh'
  | 'cosineSimilarity'
  | 'hinge'
  | 'squaredHinge'
  | 'categoricalHinge'
  | 'klDivergence'
  | 'poisson';

/** A job's loss with every default filled in. Options and defaults are those of Keras 3 (keras/src/losses/losses.py). */
export type LossConfig =
  | { readonly kind: PlainLossName }
  /** Quadratic up to an error of `delta`, linear from there on. */
  | { readonly kind: 'huber'; readonly delta: number }
  | ({ readonly kind: 'categoricalCrossentropy' } & CrossentropyOptions)
  | ({ readonly kind: 'binaryCrossentropy' } & CrossentropyOptions)
  | ({ readonly kind: 'sparseCategoricalCrossentropy' } & Pick<CrossentropyOptions, 'fromLogits'>)
  /** The cross-entropy that fits the shapes of target and output. */
  | { readonly kind: 'crossentropy' }
  | ({
      readonly kind: 'binaryFocalCrossentropy';
      readonly applyClassBalancing: boolean;
      readonly alpha: number;
      readonly gamma: number;
    } & CrossentropyOptions)
  | ({
      readonly kind: 'categoricalFocalCrossentropy';
      readonly alpha: number;
      readonly gamma: number;
    } & CrossentropyOptions);

export type LossName = LossConfig['kind'];
